import { parseArgs } from 'node:util'
import { heading, isClean, progressLine, report } from './report.ts'
import { runSuite } from './suite.ts'

/** `npm run test:faults -- [--size ci|nightly] [--only TEXT]… [--json]`: see docs/faults.md. */
const { values } = parseArgs({
  options: {
    size: { type: 'string', default: 'ci' },
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
})
const { size, only, json } = values
if (size !== 'ci' && size !== 'nightly') throw new Error('--size is ci or nightly')

// A Ctrl-C ends us, and with us everything that we have started (test/support/guard.ts).
if (!json) console.log(heading())
const result = await runSuite({
  size,
  only,
  ...(!json && { onScenario: (topology, each) => console.log(progressLine(topology, each)) }),
})
const text = json ? JSON.stringify(result, undefined, 2) : `\n${report(result)}`
// Everything has been given back; what a fault has left hanging in this process is no reason to stay.
process.stdout.write(`${text}\n`, () => process.exit(isClean(result) ? 0 : 1))

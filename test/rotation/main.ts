import { parseArgs } from 'node:util'
import { isClean, progressLine, report } from './report.ts'
import { runSuite } from './suite.ts'

/** `npm run test:rotation -- [--size ci|nightly] [--only TEXT]… [--json]`: see docs/rotation.md. */
const { values } = parseArgs({
  options: {
    size: { type: 'string', default: 'ci' },
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
})
const { size, only, json } = values
if (size !== 'ci' && size !== 'nightly') throw new Error('--size is ci or nightly')

const result = await runSuite({
  size,
  only,
  ...(!json && { onRotation: (title, rotation) => console.log(progressLine(title, rotation)) }),
})
const text = json ? JSON.stringify(result) : `\n${report(result)}`
// Everything has been given back; a timer of a control that had shown enough is no reason to stay.
process.stdout.write(`${text}\n`, () => process.exit(isClean(result) ? 0 : 1))

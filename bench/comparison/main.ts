import { readArguments } from './arguments.ts'
import { shareCores } from './cores.ts'
import { machineLine } from './report/machine.ts'
import { textReport } from './report/text.ts'
import { writeReport } from './report/write.ts'
import { runAll } from './run.ts'

/** `npm run bench`: see bench/comparison/README.md. Progress on stderr, the report on stdout. */

const choices = readArguments(process.argv.slice(2))
if (typeof choices === 'string') {
  process.stderr.write(choices)
  process.exit(process.argv.includes('--help') ? 0 : 2)
}
const beginning = performance.now()
const cores = shareCores()
const run = await runAll(choices, cores, (text) => {
  const seconds = ((performance.now() - beginning) / 1000).toFixed(0).padStart(5)
  process.stderr.write(`${seconds} s  ${text}\n`)
})
const how = machineLine(choices, cores)
const text = choices.json ? `${JSON.stringify({ how, ...run })}\n` : textReport(run, how)
if (choices.out !== undefined) writeReport(choices.out, run, how)
// Everything has been given back; a timer that is left is no reason to stay.
process.stdout.write(text, () => process.exit(run.samples.length > 0 ? 0 : 1))

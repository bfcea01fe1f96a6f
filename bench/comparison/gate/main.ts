import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { toText } from '../../simulation/report.ts'
import { shareCores } from '../cores.ts'
import { summariesOf } from '../report/tables.ts'
import { runAll } from '../run.ts'
import { type Baseline, judge } from './judge.ts'

/*
 * npm run bench:gate -- [--rounds 5] [--seconds 3] [--write]
 *
 * CPU of an operation, in bare signatures of the same round, beside what is committed in baseline.json. Exit 1 where one
 * has become dearer by more than a tenth; --write makes what was measured the baseline.
 */

const SCENARIOS = ['client_credentials', 'refresh', 'introspection', 'jwks']
const PATH = new URL('./baseline.json', import.meta.url)

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
})
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
if (!(rounds >= 1) || !(seconds > 0)) {
  process.stderr.write('--rounds takes 1 or more, --seconds a number above 0\n')
  process.exit(2)
}
const choices = { systems: ['keyturn-standard'] as const, scenarios: SCENARIOS, rounds, seconds }
const run = await runAll(
  { ...choices, perSecond: undefined, json: false, out: undefined, modes: ['closed-64'] },
  shareCores(),
  (text) => void process.stderr.write(`${text}\n`),
)
const wide = summariesOf(run).filter(({ mode }) => mode === 'closed-64')
const measured = new Map(wide.map(({ scenario, ratio }) => [scenario, ratio]))
if (values.write) {
  const rounded = Object.fromEntries(
    [...measured].map(([name, { median }]) => [name, Number(median.toFixed(3))]),
  )
  writeFileSync(PATH, `${JSON.stringify(rounded, null, 2)}\n`)
}
const baseline = JSON.parse(readFileSync(PATH, 'utf8')) as Baseline
const verdicts = judge(measured, baseline)
const missing = SCENARIOS.filter((name) => !measured.has(name))
process.stdout.write(
  `${toText([
    ['scenario', 'baseline', 'now', 'least', 'most', ''],
    ...verdicts.map(({ scenario, before, now: { median, low, high }, outcome }) => [
      scenario,
      before?.toFixed(2) ?? '–',
      ...[median, low, high].map((value) => value.toFixed(2)),
      outcome,
    ]),
    ...missing.map((name) => [name, baseline[name]?.toFixed(2) ?? '–', '–', '–', '–', 'not measured']),
  ])}\n`,
  () => process.exit(missing.length > 0 || verdicts.some(({ outcome }) => outcome === 'worse') ? 1 : 0),
)

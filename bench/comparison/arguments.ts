import { parseArgs } from 'node:util'
import { type Mode, SCENARIOS } from './scenarios.ts'
import { SYSTEM_NAMES, type SystemName } from './systems/system.ts'

export interface Choices {
  readonly systems: readonly SystemName[]
  readonly scenarios: readonly string[]
  /** Only these; otherwise all that a scenario has. */
  readonly modes?: readonly Mode[]
  readonly rounds: number
  readonly seconds: number
  /** Of every open loop; otherwise each scenario has its own. */
  readonly perSecond: number | undefined
  readonly json: boolean
  /** Where the page, the picture and the samples go; undefined: nowhere. */
  readonly out: string | undefined
}

const USAGE = `npm run bench -- [--only NAME[,NAME]…] [--rounds NUMBER] [--seconds NUMBER] [--rate NUMBER] [--out DIRECTORY] [--json]

  --only     systems: ${SYSTEM_NAMES.join(', ')}
             scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --rounds   how often everything is measured (5; fewer give no page)
  --seconds  how long each measurement takes (5)
  --rate     requests a second of the open loops
  --out      where page, picture and samples go (docs/benchmarks for a whole run, otherwise nowhere)
  --json     one JSON document on stdout instead of tables
`
/** Fewer say nothing about the spread. */
const ROUNDS = 5
const PAGE = 'docs/benchmarks'

/** Reads the command line. @returns what is wrong with it, or the usage that was asked for, as text */
export function readArguments(args: readonly string[]): Choices | string {
  const option = { type: 'string' } as const
  const options = {
    only: { ...option, multiple: true, default: [] as string[] },
    rounds: { ...option, default: String(ROUNDS) },
    seconds: { ...option, default: '5' },
    rate: option,
    out: option,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values']
  try {
    values = parseArgs({ args: [...args], options }).values
  } catch (error) {
    return `${(error as Error).message}\n\n${USAGE}`
  }
  if (values.help) return USAGE
  const only = values.only.flatMap((names) => names.split(',')).filter((name) => name !== '')
  const scenarioNames = SCENARIOS.map(({ name }) => name)
  const unknown = only.filter(
    (name) => !scenarioNames.includes(name) && !SYSTEM_NAMES.some((one) => one === name),
  )
  if (unknown.length > 0) return `there is no ${unknown.join(', ')}\n\n${USAGE}`
  const [rounds, seconds, perSecond] = [values.rounds, values.seconds, values.rate].map(Number)
  for (const [name, number] of Object.entries({ rounds, seconds, rate: values.rate && perSecond })) {
    if (number !== undefined && !(Number(number) > 0)) return `--${name} takes a number above 0\n\n${USAGE}`
  }
  const systems = SYSTEM_NAMES.filter((name) => only.includes(name))
  const scenarios = scenarioNames.filter((name) => only.includes(name))
  const isWhole = only.length === 0 && Number(rounds) >= ROUNDS
  return {
    systems: systems.length > 0 ? systems : SYSTEM_NAMES,
    scenarios: scenarios.length > 0 ? scenarios : scenarioNames,
    rounds: Math.ceil(Number(rounds)),
    seconds: Number(seconds),
    perSecond: values.rate === undefined ? undefined : perSecond,
    json: values.json,
    out: values.out ?? (isWhole ? PAGE : undefined),
  }
}

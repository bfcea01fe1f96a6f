import type { Table } from '../../simulation/report.ts'
import type { Run } from '../run.ts'
import { MODES, SCENARIOS, type Scenario } from '../scenarios.ts'
import { SYSTEM_NAMES, SYSTEM_TITLES } from '../systems/system.ts'
import { errorsText, type Spread, type Summary, spread, summarise } from './summary.ts'

const NOTHING = '–'
/** Above this share of its core, the generator may be what limits throughput. */
const GENERATOR_BUSY = 0.9

/** Everything that was measured, in the order of scenarios, modes and systems. */
export function summariesOf({ samples }: Run): Summary[] {
  return SCENARIOS.flatMap((scenario) =>
    MODES.flatMap((mode) =>
      SYSTEM_NAMES.flatMap((system) => {
        const own = samples.filter((sample) => {
          return sample.scenario === scenario.name && sample.mode === mode && sample.system === system
        })
        return summarise(own) ?? []
      }),
    ),
  )
}

/** CPU of an operation in bare signatures at 64 connections: the server alone / with its stores. */
export function glanceTable(summaries: readonly Summary[]): Table {
  const wide = summaries.filter(({ mode }) => mode === 'closed-64')
  const scenarios = SCENARIOS.filter(({ name }) => wide.some(({ scenario }) => scenario === name))
  const systems = SYSTEM_NAMES.filter((name) => wide.some(({ system }) => system === name))
  const cell = (system: string, scenario: Scenario) => {
    const found = wide.find((one) => one.system === system && one.scenario === scenario.name)
    return found ? `${found.serverRatio.median.toFixed(2)} / ${found.ratio.median.toFixed(2)}` : NOTHING
  }
  return [
    ['server / with its stores', ...scenarios.map(({ name }) => name)],
    ...systems.map((system) => [
      SYSTEM_TITLES[system],
      ...scenarios.map((scenario) => cell(system, scenario)),
    ]),
    [
      'goal for Keyturn',
      ...scenarios.map(({ goal }) => (goal === undefined ? NOTHING : `≤ ${goal.toFixed(2)}`)),
    ],
  ]
}

/** All figures of one scenario. */
export function scenarioTable(summaries: readonly Summary[]): Table {
  const hasNotes = summaries.some(({ notes }) => notes !== '')
  return [
    [
      ...['system', 'load', 'CPU ms: server', 'Redis', 'PostgreSQL', 'signatures: server', 'with stores'],
      ...['per second', 'p50 ms', 'p99 ms', 'peak MiB', 'errors', ...(hasNotes ? ['beside it'] : [])],
    ],
    ...summaries.map((one) => [
      SYSTEM_TITLES[one.system],
      one.mode,
      ...[one.serverMs, one.redisMs, one.postgresMs].map(millisecondsText),
      spreadText(one.serverRatio, 2),
      spreadText(one.ratio, 2),
      spreadText(one.perSecond, 0) + (one.generatorLoad > GENERATOR_BUSY ? ' *' : ''),
      spreadText(one.p50, 1),
      spreadText(one.p99, 1),
      one.memoryMiB.toFixed(0),
      errorsText(one.errors),
      ...(hasNotes ? [one.notes] : []),
    ]),
  ]
}

/** The unit that the ratios are in, as it was in this run. */
export function signatureText({ samples, opensslMs }: Run): string {
  const ours = spread(samples.map(({ signatureMs }) => signatureMs))
  const openssl = opensslMs.length === 0 ? '' : `; by openssl speed ${spreadText(spread(opensslMs), 3)} ms`
  return `One bare RSA-2048 signature: ${spreadText(ours, 3)} ms of CPU by Node's crypto.sign${openssl}`
}

function millisecondsText(milliseconds: number | null): string {
  return milliseconds === null || Number.isNaN(milliseconds) ? NOTHING : milliseconds.toFixed(3)
}

function spreadText({ median, low, high }: Spread, digits: number): string {
  if (Number.isNaN(median)) return NOTHING
  const [middle, least, most] = [median, low, high].map((value) => value.toFixed(digits))
  return least === most ? String(middle) : `${middle} (${least}–${most})`
}

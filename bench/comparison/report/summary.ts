import type { Sample } from '../cost/measure.ts'
import type { Mode } from '../scenarios.ts'
import type { SystemName } from '../systems/system.ts'

/** The middle of a figure's rounds, and its extremes. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** What all rounds of one scenario on one system at one pace found. */
export interface Summary {
  readonly system: SystemName
  readonly scenario: string
  readonly mode: Mode
  /** CPU of an operation, milliseconds; null: no such part. */
  readonly serverMs: number
  readonly redisMs: number | null
  readonly postgresMs: number | null
  /** CPU of an operation over that of a bare signature: of the server, and with its stores. */
  readonly serverRatio: Spread
  readonly ratio: Spread
  readonly perSecond: Spread
  readonly p50: Spread
  readonly p99: Spread
  /** The most that server and stores had together in any round, MiB. */
  readonly memoryMiB: number
  readonly errors: Readonly<Record<string, number>>
  /** The near-limit of the measuring itself. */
  readonly generatorLoad: number
  /** What ran beside it, and which keys signed. */
  readonly notes: string
}

/** Sums up samples that are all of one scenario, system and mode. */
export function summarise(samples: readonly Sample[]): Summary | undefined {
  const [first] = samples
  if (!first) return undefined
  // Of two things at once, the CPU of one is not known.
  const answeredIn = ({ streams }: Sample) => (streams.length > 1 ? Number.NaN : (streams[0]?.answered ?? 0))
  const all = ({ cpuMs }: Sample) => cpuMs.server + (cpuMs.redis ?? 0) + (cpuMs.postgres ?? 0)
  const spreadOf = (figure: (sample: Sample) => number) => spread(samples.map(figure))
  const part = (name: 'redis' | 'postgres') =>
    first.cpuMs[name] === null
      ? null
      : spreadOf((sample) => (sample.cpuMs[name] ?? 0) / answeredIn(sample)).median
  const main = (sample: Sample) => sample.streams[0]
  return {
    ...{ system: first.system, scenario: first.scenario, mode: first.mode },
    serverMs: spreadOf((sample) => sample.cpuMs.server / answeredIn(sample)).median,
    redisMs: part('redis'),
    postgresMs: part('postgres'),
    serverRatio: spreadOf((sample) => sample.cpuMs.server / answeredIn(sample) / sample.signatureMs),
    ratio: spreadOf((sample) => all(sample) / answeredIn(sample) / sample.signatureMs),
    perSecond: spreadOf((sample) => (main(sample)?.answered ?? 0) / (main(sample)?.seconds ?? 1)),
    p50: spreadOf((sample) => main(sample)?.p50 ?? Number.NaN),
    p99: spreadOf((sample) => main(sample)?.p99 ?? Number.NaN),
    memoryMiB: Math.max(
      ...samples.map(({ memoryMiB: { server, redis, postgres } }) => server + (redis ?? 0) + (postgres ?? 0)),
    ),
    errors: addUp(samples.map((sample) => main(sample)?.errors ?? {})),
    generatorLoad: spreadOf(({ generatorLoad }) => generatorLoad).median,
    notes: notesOf(samples),
  }
}

/** @returns not a number throughout where there are no values */
export function spread(values: readonly number[]): Spread {
  const sorted = values.filter(Number.isFinite).sort((left, right) => left - right)
  const at = (place: number) => sorted[place] ?? Number.NaN
  const middle = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2
  return { median, low: at(0), high: at(sorted.length - 1) }
}

function notesOf(samples: readonly Sample[]): string {
  const beside = samples.flatMap(({ streams }) => streams.slice(1))
  const kids = new Set(samples.flatMap(({ streams }) => Object.keys(streams[0]?.kids ?? {})))
  const notes: string[] = []
  if (beside.length > 0) {
    const perSecond = spread(beside.map(({ answered, seconds }) => answered / seconds)).median
    const refused = errorsText(addUp(beside.map(({ errors }) => errors)))
    notes.push(`${beside[0]?.name} ${perSecond.toFixed(1)}/s, refused: ${refused}`)
  }
  if (kids.size > 0) {
    const unverifiable = samples.reduce((sum, { unpublished }) => sum + unpublished, 0)
    notes.push(`${kids.size} keys signed, ${unverifiable} tokens by one not published before`)
  }
  return notes.join('; ')
}

/** `status 503 × 12`, or `0`. */
export function errorsText(errors: Readonly<Record<string, number>>): string {
  const parts = Object.entries(errors).map(([what, count]) => `${what} × ${count}`)
  return parts.length === 0 ? '0' : parts.join(', ')
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [what, count] of counts.flatMap(Object.entries<number>)) sums[what] = (sums[what] ?? 0) + count
  return sums
}

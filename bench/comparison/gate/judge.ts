import type { Spread } from '../report/summary.ts'

/** CPU of an operation in bare signatures, by scenario. */
export type Baseline = Readonly<Record<string, number>>

/** One scenario beside its baseline. */
export interface Verdict {
  readonly scenario: string
  readonly before: number | undefined
  readonly now: Spread
  readonly outcome: 'as before' | 'better' | 'worse' | 'new'
}

/** A change within this share is noise, or not worth a word. */
const ALLOWED = 0.1

/**
 * Judges what was measured. Worse is a median beyond the allowance whose best round was beyond the baseline, too: a machine
 * that was busy for some rounds does not look like that.
 */
export function judge(measured: ReadonlyMap<string, Spread>, baseline: Baseline): Verdict[] {
  return [...measured].map(([scenario, now]) => {
    const before = baseline[scenario]
    return { scenario, before, now, outcome: outcomeOf(before, now) }
  })
}

function outcomeOf(before: number | undefined, { median, low }: Spread): Verdict['outcome'] {
  if (before === undefined) return 'new'
  if (!(median <= before * (1 + ALLOWED)) && !(low <= before)) return 'worse'
  return median < before * (1 - ALLOWED) ? 'better' : 'as before'
}

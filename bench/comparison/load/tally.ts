import type { StreamResult } from './protocol.ts'

/** Counts what comes of a stream. */
export interface Tally {
  answered(milliseconds: number, kid: string | undefined): void
  failed(what: string): void
  result(name: string, seconds: number): StreamResult
}

/** An empty one. */
export function makeTally(): Tally {
  const latencies: number[] = []
  const errors: Record<string, number> = {}
  const kids: Record<string, number> = {}
  return {
    answered(milliseconds, kid) {
      latencies.push(milliseconds)
      if (kid !== undefined) kids[kid] = (kids[kid] ?? 0) + 1
    },
    failed(what) {
      errors[what] = (errors[what] ?? 0) + 1
    },
    result(name, seconds) {
      const sorted = Float64Array.from(latencies).sort()
      const [p50, p99, max] = [0.5, 0.99, 1].map((share) => quantile(sorted, share))
      return {
        name,
        answered: sorted.length,
        errors,
        seconds,
        p50: p50 ?? 0,
        p99: p99 ?? 0,
        max: max ?? 0,
        kids,
      }
    },
  }
}

/** The smallest value that this share of them does not exceed; not a number where there are none. */
function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

import { setTimeout as delay } from 'node:timers/promises'

/** Where the time comes from. Passed in everywhere, so that a test moves it instead of sleeping. */
export interface Clock {
  /** The present moment. */
  now(): Date
  /** Resolves once `milliseconds` have gone by on this clock; at once when that is zero or less. */
  wait(milliseconds: number): Promise<void>
}

/** The machine's clock. The only place that reads it. */
export const systemClock: Clock = {
  now: () => new Date(),
  wait: async (milliseconds) => {
    if (milliseconds > 0) await delay(milliseconds)
  },
}

/** Milliseconds since some moment, on a clock that only goes forward: for how long something has taken. */
export function monotonicMs(): number {
  return performance.now()
}

/** `start` moved by a number of seconds, which may be negative or fractional. */
export function addSeconds(start: Date, seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000)
}

/** Whole seconds since 1970 (RFC 7519 §2 NumericDate), rounded down so that `iat` is never in the future. */
export function toSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}

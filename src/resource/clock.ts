/** Where the time comes from: handed in, so that a test can move it. */
export interface ResourceClock {
  now(): Date
}

/** The machine's clock. */
export const machineClock: ResourceClock = { now: () => new Date() }

/** Seconds since a moment; negative when the clock was set back to before it. */
export function secondsSince(moment: Date, clock: ResourceClock): number {
  return (clock.now().getTime() - moment.getTime()) / 1000
}

/**
 * Whether it is time to ask again, `seconds` after a moment. So it is, too, when the clock was set back to before it: to
 * ask once too often does less harm than not to ask for hours.
 */
export function isDue(seconds: number, moment: Date, clock: ResourceClock): boolean {
  const elapsed = secondsSince(moment, clock)
  return elapsed < 0 || elapsed >= seconds
}

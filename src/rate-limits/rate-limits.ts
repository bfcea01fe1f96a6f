/** One unit of one tier, for one key. */
export interface Charge {
  /** Of fixed length; says nothing of whose it is. */
  readonly key: Buffer
  /** What a unit takes to come back. */
  readonly intervalMs: number
  /** The interval times the units that may be used at once. */
  readonly capacityMs: number
}

/**
 * How much of each limit is used: for each key the moment when all of it will have come back (GCRA). Each step is atomic for
 * its key, however many nodes ask at once.
 */
export interface RateLimits {
  /**
   * Takes a unit of each charge that has one.
   * @returns in their order how long to wait for one, in milliseconds; 0 where it was taken
   */
  take(charges: readonly Charge[], now: Date): Promise<number[]>
  /** Gives units back that were taken: of other units it gives back nothing. */
  giveBack(charges: readonly Charge[], now: Date): Promise<void>
}

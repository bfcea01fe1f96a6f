/** What is counted of one strategy in one scenario. */
export interface Tally {
  devices: number
  /** Logins. */
  sessions: number
  /** Requests of the clients, not the thieves'. */
  refreshes: number
  /** Sessions that a client had to give up although nobody had stolen anything. */
  lost: number
  /** Sessions that had more than one live chain at some time. */
  forked: number
  thefts: number
  /** Thefts that brought at least one access token. */
  theftsThatGot: number
  /** Thefts after which the service ended the session for theft. */
  detected: number
  /** Access tokens that thieves got, all together. */
  thiefRefreshes: number
}

export function emptyTally(): Tally {
  return {
    devices: 0,
    sessions: 0,
    refreshes: 0,
    lost: 0,
    forked: 0,
    thefts: 0,
    theftsThatGot: 0,
    detected: 0,
    thiefRefreshes: 0,
  }
}

/** The shares that tables and pictures show; null where there is nothing to have a share of. */
export interface Shares {
  readonly lost: number
  readonly forked: number
  readonly got: number | null
  readonly detected: number | null
  /** Access tokens that a thief gets until he is found out or the time is up. */
  readonly refreshesPerTheft: number | null
  /** Logins that a device's user has to repeat in a year; null where no year is simulated. */
  readonly lostPerDeviceYear: number | null
}

export function sharesOf(tally: Tally, deviceYears: number | null): Shares {
  const ofThefts = (count: number) => (tally.thefts === 0 ? null : count / tally.thefts)
  return {
    lost: tally.lost / Math.max(tally.sessions, 1),
    forked: tally.forked / Math.max(tally.sessions, 1),
    got: ofThefts(tally.theftsThatGot),
    detected: ofThefts(tally.detected),
    refreshesPerTheft: ofThefts(tally.thiefRefreshes),
    lostPerDeviceYear: deviceYears === null ? null : tally.lost / deviceYears,
  }
}

import type { Range } from './random.ts'

/** The retry window of every strategy that has one, seconds: KEYTURN_REFRESH_RETRY_WINDOW's default. */
export const WINDOW_SECONDS = 60
/** A rotation is in the record within this time (FLUSH_AFTER_MS of src/tokens/anchors.ts). */
export const ANCHOR_SECONDS = 0.1

/** Something that the simulation takes for granted. */
interface Assumption {
  readonly value: number | Range
  readonly unit: string
  readonly reason: string
}

/**
 * Everything that is assumed, with its reason; printed with every result. None of it is measured on a fleet of ours: the
 * figures that come out compare designs with one another, they do not foretell a product's.
 */
export const ASSUMPTIONS = {
  refreshesOfSession: {
    value: 40,
    unit: 'refreshes',
    reason: 'a working day with short access tokens; long enough for rare faults to add up (all but "year")',
  },
  refreshEvery: {
    value: [432, 528],
    unit: 's',
    reason: 'access tokens live 600 s; clients refresh at 80 % of it, ±10 % jitter (docs/clients.md)',
  },
  oneWay: {
    value: [0.02, 0.6],
    unit: 's, log-even',
    reason: 'client to server, or back: wired to poor mobile',
  },
  lostResponse: {
    value: 0.01,
    unit: 'of refreshes',
    reason:
      'A, B: a radio that goes away, a laptop lid, an app that is killed; high on purpose, to be countable',
  },
  quickRetryAfter: {
    value: [1, 15],
    unit: 's',
    reason: 'the time-out of an HTTP client and a little back-off',
  },
  lateShare: {
    value: 0.2,
    unit: 'of lost responses',
    reason: 'B: the device was put away, and tries again when it is taken out',
  },
  lateRetryAfter: {
    value: [600, 36 * 3600],
    unit: 's, log-even',
    reason: 'B: ten minutes to a day and a half; some come later than our day for late clients',
  },
  secondTabStagger: {
    value: [0, 2],
    unit: 's',
    reason: 'C: both tabs read the same expiry, so their timers fire almost together; no lock between them',
  },
  lostWrite: {
    value: 0.005,
    unit: 'of rotations',
    reason:
      'D: acknowledged, then gone, as in an asynchronous failover; far more often than real, to be countable',
  },
  lostWriteAfter: {
    value: 0.5,
    unit: 's',
    reason: 'D: how long after the acknowledgement the store is set back; replication lags about so much',
  },
  emptyStoreShare: {
    value: 0.1,
    unit: 'of those faults',
    reason: 'D: the store comes back empty (a restart without persistence, an eviction), not merely older',
  },
  nodeDiesShare: {
    value: 0.05,
    unit: 'of those faults',
    reason: 'D: the node dies in the same moment, before it has anchored what it served last',
  },
  thiefAfter: {
    value: [1, 3600],
    unit: 's, log-even',
    reason: 'E: from the copy to its first use: automatic exfiltration to a person who looks at the loot',
  },
  thiefAfterWindow: {
    value: [70, 400],
    unit: 's',
    reason: 'G, H: after the window, before the client refreshes again',
  },
  thiefInStepAfter: {
    value: [1, 50],
    unit: 's',
    reason: 'F: he knows the pace from the access token and comes within the window after each refresh',
  },
  yearDays: { value: 365, unit: 'days', reason: 'the year' },
  yearStays: {
    value: 0.75,
    unit: 'of refreshes',
    reason: 'year: another refresh follows while the device is in use: four in a row on average',
  },
  yearPause: {
    value: [2 * 3600, 20 * 3600],
    unit: 's, log-even',
    reason: 'year: put away until later in the day, or the next',
  },
  yearLongPauseShare: { value: 0.02, unit: 'of pauses', reason: 'year: weekends and holidays' },
  yearLongPause: {
    value: [86_400, 10 * 86_400],
    unit: 's, log-even',
    reason: 'year: below the idle lifetime, so that no session ends by itself',
  },
  yearAbsoluteTtl: {
    value: 90 * 86_400,
    unit: 's',
    reason: 'year: KEYTURN_REFRESH_ABSOLUTE_TTL; then a new login, which is no loss',
  },
  yearLostResponseNative: { value: 0.003, unit: 'of refreshes', reason: 'year: phones' },
  yearLostResponseBrowser: { value: 0.0005, unit: 'of refreshes', reason: 'year: mostly wired' },
  yearLateShareBrowser: { value: 0.05, unit: 'of lost responses', reason: 'year: the lid was closed' },
  yearSecondTab: { value: 0.2, unit: 'of browsers', reason: 'year: two tabs open all the time' },
  yearFailovers: {
    value: 12,
    unit: 'a year',
    reason: 'year: one a month, upgrades included; each loses the writes of its last second',
  },
  yearThief: {
    value: 0.25,
    unit: 'of devices',
    reason: 'year: high on purpose; half copy the current token (E), half the last spent one (G)',
  },
  browsers: { value: 0.5, unit: 'of devices', reason: 'the others are native apps; C: all' },
} as const satisfies Readonly<Record<string, Assumption>>

/** The value of an assumption. */
export function assumed<Name extends keyof typeof ASSUMPTIONS>(
  name: Name,
): (typeof ASSUMPTIONS)[Name]['value'] {
  return ASSUMPTIONS[name].value
}

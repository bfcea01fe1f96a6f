import type { KeySchedule } from '../../src/keys/schedule.ts'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'

/**
 * Production's durations, scaled down so that a rotation takes seconds. What stands for the imprecision of machines (P, S,
 * Q) is a thirtieth, since the noise of this machine is not scaled at all; what only takes long (M, C, L) is much less.
 * `Cache-Control` knows whole seconds, so its three parts are one each. docs/rotation.md has the table.
 */
export const SCHEDULE: KeySchedule = {
  reloadPeriodSeconds: 0.5,
  jwksMaxAgeSeconds: 1,
  staleWhileRevalidateSeconds: 1,
  staleIfErrorSeconds: 1,
  verifierCacheSeconds: 4,
  clockSkewSeconds: 2,
  longestLifetimeSeconds: 6,
  inFlightSeconds: 1,
  // Well above publish-to-activate, so that `keys rotate` has something to bring forward.
  rotationPeriodSeconds: 20,
}

/** All access tokens live as long as anything may: what a shorter one would hide shows. */
export const TOKEN_TTL_SECONDS = SCHEDULE.longestLifetimeSeconds

/** How many times shorter C is than production's; what verifiers keep for other times is scaled by it. */
export const CACHE_SCALE = 600 / SCHEDULE.verifierCacheSeconds

/** From the publication of a key until it may sign. */
export const FLOOR_MS = publishToActivateSeconds(SCHEDULE) * 1000

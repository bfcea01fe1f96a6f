/**
 * The durations that decide when a key may sign and when it may go. A value that is passed in, so that a test or the
 * tour runs the same rules with every duration scaled down. All in seconds, fractions allowed.
 */
export interface KeySchedule {
  /** P: how often a node reads the key set. */
  readonly reloadPeriodSeconds: number
  /** `max-age` of the JWKS. */
  readonly jwksMaxAgeSeconds: number
  /** How much longer a cache may serve an old JWKS while it fetches a new one (RFC 5861 §3). */
  readonly staleWhileRevalidateSeconds: number
  /** How much longer a cache may serve an old JWKS when it cannot fetch a new one (RFC 5861 §4). */
  readonly staleIfErrorSeconds: number
  /** C: the longest that a verifier keeps a key set without asking again, even for an unknown kid. */
  readonly verifierCacheSeconds: number
  /** S: how far a verifier's clock may be off. */
  readonly clockSkewSeconds: number
  /** L: the longest lifetime that anything signed may ever have; never the current setting, which may change. */
  readonly longestLifetimeSeconds: number
  /** Q: how long a signature may be under way between the choice of its key and its `iat`. */
  readonly inFlightSeconds: number
  /** How long a key signs before the next takes over by itself; 0 when an operator rotates by hand. */
  readonly rotationPeriodSeconds: number
}

/** A switch is known everywhere within this; each node pays one small query for it. */
const RELOAD_PERIOD_SECONDS = 15
/** Enough for a cache to fetch behind the back of one request. */
const STALE_WHILE_REVALIDATE_SECONDS = 60
/** Envoy's and jose's default cache, the longest among verifiers that do not refetch at once. */
const VERIFIER_CACHE_SECONDS = 600
/** What verifiers commonly allow as leeway. */
const CLOCK_SKEW_SECONDS = 60
/** The upper bound that the configuration sets to every lifetime of something signed. */
const LONGEST_LIFETIME_SECONDS = 3600
/** No request lives longer. */
const IN_FLIGHT_SECONDS = 30

/** The schedule that the service runs with; the two values are the operator's. */
export function keySchedule(settings: {
  rotationPeriodSeconds: number
  jwksMaxAgeSeconds: number
}): KeySchedule {
  return {
    reloadPeriodSeconds: RELOAD_PERIOD_SECONDS,
    jwksMaxAgeSeconds: settings.jwksMaxAgeSeconds,
    staleWhileRevalidateSeconds: STALE_WHILE_REVALIDATE_SECONDS,
    staleIfErrorSeconds: settings.jwksMaxAgeSeconds,
    verifierCacheSeconds: VERIFIER_CACHE_SECONDS,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    longestLifetimeSeconds: LONGEST_LIFETIME_SECONDS,
    inFlightSeconds: IN_FLIGHT_SECONDS,
    rotationPeriodSeconds: settings.rotationPeriodSeconds,
  }
}

/**
 * The same rules for a JWKS that some node serves with another `max-age`, where that is longer: a cache in front keeps
 * what it was told by any of them.
 * @param jwksMaxAgeSeconds the longest that any node advertises; null where none is known
 */
export function reckoningWith(schedule: KeySchedule, jwksMaxAgeSeconds: number | null): KeySchedule {
  if (jwksMaxAgeSeconds === null || jwksMaxAgeSeconds <= schedule.jwksMaxAgeSeconds) return schedule
  const staleIfErrorSeconds = Math.max(schedule.staleIfErrorSeconds, jwksMaxAgeSeconds)
  return { ...schedule, jwksMaxAgeSeconds, staleIfErrorSeconds }
}

/** M: all the staleness that our Cache-Control permits, in seconds. */
export function permittedStalenessSeconds(schedule: KeySchedule): number {
  return schedule.jwksMaxAgeSeconds + schedule.staleWhileRevalidateSeconds + schedule.staleIfErrorSeconds
}

/**
 * P + M + C + S: from its publication until every verifier has a key. Every node publishes within P, a cache in front
 * of it may answer with the older set for M, a verifier that fetched through the cache keeps it for C.
 */
export function publishToActivateSeconds(schedule: KeySchedule): number {
  return (
    schedule.reloadPeriodSeconds +
    permittedStalenessSeconds(schedule) +
    schedule.verifierCacheSeconds +
    schedule.clockSkewSeconds
  )
}

/** How old a node's key set may be before it stops signing: half of publish-to-activate. */
export function stalenessLimitSeconds(schedule: KeySchedule): number {
  return publishToActivateSeconds(schedule) / 2
}

/**
 * From a key's retirement until nothing that it signed is alive: P + Q + L + S, where a node that cannot reload takes
 * longer than P. It learns of a switch by hand only when it reloads, and signs on until the staleness limit, so the
 * limit stands in for P. Publishing a key for longer costs nothing.
 */
export function retireToRemoveSeconds(schedule: KeySchedule): number {
  return (
    Math.max(schedule.reloadPeriodSeconds, stalenessLimitSeconds(schedule)) +
    schedule.inFlightSeconds +
    schedule.longestLifetimeSeconds +
    schedule.clockSkewSeconds
  )
}

/** P + Q: from a key's retirement until its private part is wiped. A node that still signs holds it in memory. */
export function retireToWipeSeconds(schedule: KeySchedule): number {
  return schedule.reloadPeriodSeconds + schedule.inFlightSeconds
}

/**
 * The JWKS' Cache-Control. Whole seconds, rounded down: a cache may keep less than the rules reckon with, not more.
 * @param ageSeconds how long ago the node has read the set. The rules reckon with P for that; what it is older comes off
 *   what caches may add, so that no set is ever met at a greater age than P + M
 */
export function jwksCacheControl(schedule: KeySchedule, ageSeconds = 0): string {
  let over = Math.max(0, ageSeconds - schedule.reloadPeriodSeconds)
  const [staleIfError, staleWhileRevalidate, maxAge] = [
    schedule.staleIfErrorSeconds,
    schedule.staleWhileRevalidateSeconds,
    schedule.jwksMaxAgeSeconds,
  ].map((seconds) => {
    const less = Math.min(seconds, over)
    over -= less
    return Math.floor(seconds - less)
  })
  return `public, max-age=${maxAge}, stale-while-revalidate=${staleWhileRevalidate}, stale-if-error=${staleIfError}`
}

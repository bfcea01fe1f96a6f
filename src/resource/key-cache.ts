import { unavailable } from './bearer-error.ts'
import { isDue, type ResourceClock, secondsSince } from './clock.ts'
import { COOLDOWN_SECONDS, type FetchedKeys, type FetchKeys } from './fetch-keys.ts'
import type { VerificationKey } from './key-set.ts'

/** When this part of a set's time is over, the next one is fetched behind the back of requests. */
const REFRESH_AHEAD = 0.8
/** While there are no keys at all nobody can be let in: so early tries come sooner, each twice as late as the last. */
const FIRST_RETRY_SECONDS = 1
/**
 * The longest that a set is kept when nobody answers. A token lives an hour at most, so this costs nobody anything
 * whose Keyturn is down; it is a limit for whoever keeps the news of a revoked key from us.
 */
const LONGEST_KEPT_SECONDS = 86_400

/** What a fetch came to, for a log or a metric. */
export type KeysEvent =
  | { readonly outcome: 'fetched'; readonly kids: readonly string[] }
  | { readonly outcome: 'failed'; readonly error: unknown; readonly hasKeys: boolean }

/** The keys of one issuer. */
export interface KeyCache {
  /**
   * The key of that name, or undefined when there is certainly none. Known keys are found without waiting, unless the
   * set has not been asked for within its time.
   * @throws BearerError `unavailable` when nobody can say
   */
  find(kid: string): Promise<VerificationKey | undefined>
  /** Fetches the keys if there are none, so that the first request does not wait. Does not throw. */
  warm(): Promise<void>
}

/** A failed try is remembered as long as the next one must wait. */
interface Try {
  readonly at: Date
  readonly hasFailed: boolean
  readonly cooldownSeconds: number
}

/**
 * Keeps the last good set, and asks for the next: when its time is nearly over, when a kid is unknown; one question at
 * a time, and after each the cooldown. A set that is asked for in vain stays, so that an issuer that is down, or answers
 * nonsense, ends nobody's access.
 */
export function keyCache(
  fetchKeys: FetchKeys,
  options: { readonly clock: ResourceClock; readonly onKeys: (event: KeysEvent) => void },
): KeyCache {
  const { clock, onKeys } = options
  let held: { readonly fetched: FetchedKeys; readonly at: Date } | undefined
  let last: Try | undefined
  let flight: Promise<void> | undefined

  return {
    async find(kid) {
      if (held === undefined || isOverdue()) await refresh()
      else if (isDue(held.fetched.freshSeconds * REFRESH_AHEAD, held.at, clock)) void refresh()
      const known = usable()?.get(kid)
      if (known !== undefined) return known
      await refresh()
      const keys = usable()
      if (keys === undefined) throw unavailable('no_keys', secondsToWait())
      const found = keys.get(kid)
      // After a failure the kid may be one that we could not be told of.
      if (found === undefined && last?.hasFailed) throw unavailable('keys_not_fetched', secondsToWait())
      return found
    },

    async warm() {
      if (held === undefined) await refresh()
    },
  }

  /** Its time is over and nobody has even tried to get the next one: so it has been for a quiet server. */
  function isOverdue(): boolean {
    if (!held || !last) return false
    const { freshSeconds } = held.fetched
    return isDue(freshSeconds, held.at, clock) && isDue(freshSeconds, last.at, clock)
  }

  function usable() {
    return held && secondsSince(held.at, clock) < LONGEST_KEPT_SECONDS ? held.fetched.keys : undefined
  }

  function secondsToWait(): number {
    if (!last) return COOLDOWN_SECONDS
    return Math.min(last.cooldownSeconds, last.cooldownSeconds - secondsSince(last.at, clock))
  }

  /** Joins the question that is under way, or asks if it may; resolves when it is over. */
  async function refresh(): Promise<void> {
    if (!flight) {
      if (last && !isDue(last.cooldownSeconds, last.at, clock)) return
      flight = ask().finally(() => {
        flight = undefined
      })
    }
    await flight
  }

  async function ask(): Promise<void> {
    const askedAt = clock.now()
    try {
      const fetched = await fetchKeys(held?.fetched)
      held = { fetched, at: askedAt }
      last = { at: clock.now(), hasFailed: false, cooldownSeconds: COOLDOWN_SECONDS }
      tell({ outcome: 'fetched', kids: [...fetched.keys.keys()] })
    } catch (error) {
      last = { at: clock.now(), hasFailed: true, cooldownSeconds: nextCooldown() }
      tell({ outcome: 'failed', error, hasKeys: usable() !== undefined })
    }
  }

  function nextCooldown(): number {
    if (held) return COOLDOWN_SECONDS
    return last ? Math.min(COOLDOWN_SECONDS, last.cooldownSeconds * 2) : FIRST_RETRY_SECONDS
  }

  /** What a listener throws is not the request's trouble. */
  function tell(event: KeysEvent): void {
    try {
      onKeys(event)
    } catch {}
  }
}

import type { KeyObject } from 'node:crypto'
import type { KeySet } from './key-set.ts'

/**
 * How a library keeps keys, with `node:crypto` doing the rest. Each is written after the behaviour that the reliability
 * catalogue §4.2 found in its source.
 */
export interface KeyCache {
  /** The key of this name; undefined where this library would say that there is none. */
  find(kid: string): Promise<KeyObject | undefined>
  /** What to try when the signature does not fit; undefined where this library gives up. */
  again?(kid: string): Promise<KeyObject | undefined>
}

/** Gets the set anew. */
type Fetch = () => Promise<KeySet>

/** jwks-rsa: one entry per kid, five of them, ten minutes each; a kid that is not there always fetches. */
export function perKidCache(fetch: Fetch, ttlMs: number): KeyCache {
  const entries = new Map<string, { key: KeyObject; until: number }>()
  return {
    async find(kid) {
      const kept = entries.get(kid)
      entries.delete(kid)
      const key = kept && performance.now() < kept.until ? kept.key : (await fetch()).get(kid)
      if (key === undefined) return undefined
      entries.set(kid, kept?.key === key ? kept : { key, until: performance.now() + ttlMs })
      for (const oldest of [...entries.keys()].slice(0, -5)) entries.delete(oldest)
      return key
    },
  }
}

/** PyJWT: the set for five minutes; a kid that is not in it fetches each time, without any cooldown. */
export function setCache(fetch: Fetch, ttlMs: number): KeyCache {
  const kept = keptFor(fetch, ttlMs)
  return { find: async (kid) => (await kept.get()).get(kid) ?? (await kept.refresh()).get(kid) }
}

/** go-oidc: the set for ever; an unknown kid and a signature that does not fit fetch, one fetch at a time. */
export function lastingCache(fetch: Fetch): KeyCache {
  const kept = keptFor(fetch, Number.POSITIVE_INFINITY)
  const again = async (kid: string) => (await kept.refresh()).get(kid)
  return { find: async (kid) => (await kept.get()).get(kid) ?? (await again(kid)), again }
}

/**
 * Envoy and others: the set for C, and whatever is not in it is refused until then.
 * @param firstTtlMs how long the first set is kept, so that several do not go in step
 */
export function fixedCache(fetch: Fetch, ttlMs: number, firstTtlMs = ttlMs): KeyCache {
  const kept = keptFor(fetch, ttlMs, firstTtlMs)
  return { find: async (kid) => (await kept.get()).get(kid) }
}

function keptFor(fetch: Fetch, ttlMs: number, firstTtlMs = ttlMs) {
  let set: KeySet | undefined
  let until = 0
  let fetching: Promise<KeySet> | undefined

  function refresh(): Promise<KeySet> {
    fetching ??= fetch()
      .then((fetched) => {
        until = performance.now() + (set === undefined ? firstTtlMs : ttlMs)
        set = fetched
        return fetched
      })
      .finally(() => {
        fetching = undefined
      })
    return fetching
  }

  return {
    get: async () => (set && performance.now() < until ? set : refresh()),
    refresh,
  }
}

import { permittedStalenessSeconds } from '../../src/keys/schedule.ts'
import { openEdge } from './edge.ts'
import { fixedCache, type KeyCache, lastingCache, perKidCache, setCache } from './key-caches.ts'
import { type FetchJwks, fetchKeySet } from './key-set.ts'
import { joseServer, plainServer, type Verify } from './resource-server.ts'
import { CACHE_SCALE, SCHEDULE } from './scale.ts'

/** A simulated resource server. */
export interface ResourceServer {
  /** Of the kind: there may be several of one. */
  readonly kind: string
  readonly verify: Verify
  /** How far its clock is ahead, in seconds. */
  readonly aheadSeconds: number
  /** How long it may take a key that was removed for good: what docs and catalogue §4.2 say of its kind. */
  readonly trustsSeconds: number
}

/** That a server has fetched the JWKS, and what it has got. */
export interface Fetched {
  readonly kind: string
  readonly at: number
  readonly kids: readonly string[]
}

/** All resource servers of a deployment. */
export interface Fleet {
  readonly servers: readonly ResourceServer[]
  /** In order of time. */
  readonly fetches: readonly Fetched[]
  close(): Promise<void>
}

/** What libraries keep a set or a key for, and how long jose waits before it asks again; seconds, not scaled. */
const JOSE_CACHE_SECONDS = 600
const JOSE_COOLDOWN_SECONDS = 30
const JWKS_RSA_CACHE_SECONDS = 600
const PYJWT_CACHE_SECONDS = 300
/** Several that keep sets for C behind one cache, out of step, so that staleness of any size comes up. */
const BEHIND_THE_EDGE = 4

/** Opens a server of each kind over a JWKS. */
export async function openFleet(jwksUrl: string): Promise<Fleet> {
  const edge = await openEdge(jwksUrl)
  const fetches: Fetched[] = []
  const scaledMs = (seconds: number) => (seconds * 1000) / CACHE_SCALE
  const jwksRsaMs = scaledMs(JWKS_RSA_CACHE_SECONDS)
  const pyjwtMs = scaledMs(PYJWT_CACHE_SECONDS)
  const { clockSkewSeconds } = SCHEDULE
  const cacheMs = SCHEDULE.verifierCacheSeconds * 1000

  const fetchAs = (kind: string): FetchJwks => {
    return async (url, init) => {
      const response = await fetch(url, init)
      if (!response.ok) return response
      const body = (await response.clone().json()) as { keys?: { kid: string }[] }
      fetches.push({ kind, at: Date.now(), kids: (body.keys ?? []).map(({ kid }) => kid) })
      return response
    }
  }
  const fetchSet = (kind: string, url = jwksUrl) => {
    const fetchJwks = fetchAs(kind)
    return () => fetchKeySet(fetchJwks, url)
  }
  const jose = (kind: string, cacheMaxAge: number, aheadSeconds = 0): ResourceServer => {
    const options = { cacheMaxAge, cooldownDuration: scaledMs(JOSE_COOLDOWN_SECONDS) }
    const verify = joseServer(jwksUrl, fetchAs(kind), options)
    return { kind, aheadSeconds, trustsSeconds: cacheMaxAge / 1000, verify }
  }
  const plain = (kind: string, trustsMs: number, cache: (kind: string) => KeyCache): ResourceServer => ({
    ...{ kind, aheadSeconds: 0, trustsSeconds: trustsMs / 1000 },
    verify: plainServer(cache(kind)),
  })
  const staleMs = permittedStalenessSeconds(SCHEDULE) * 1000
  const behindEdge = Array.from({ length: BEHIND_THE_EDGE }, (_, index) =>
    plain('fixed TTL, stale CDN', cacheMs + staleMs, (kind) => {
      return fixedCache(fetchSet(kind, edge.url), cacheMs, (cacheMs * (index + 1)) / BEHIND_THE_EDGE)
    }),
  )

  const servers: ResourceServer[] = [
    jose('jose', scaledMs(JOSE_CACHE_SECONDS)),
    jose('jose, infinite', Number.POSITIVE_INFINITY),
    plain('jwks-rsa', jwksRsaMs, (kind) => perKidCache(fetchSet(kind), jwksRsaMs)),
    plain('PyJWT', pyjwtMs, (kind) => setCache(fetchSet(kind), pyjwtMs)),
    plain('go-oidc', Number.POSITIVE_INFINITY, (kind) => lastingCache(fetchSet(kind))),
    plain('fixed TTL', cacheMs, (kind) => fixedCache(fetchSet(kind), cacheMs)),
    ...behindEdge,
    jose('clock ahead by S', scaledMs(JOSE_CACHE_SECONDS), clockSkewSeconds),
    {
      kind: 'clock behind by S',
      aheadSeconds: -clockSkewSeconds,
      trustsSeconds: SCHEDULE.verifierCacheSeconds,
      verify: plainServer(fixedCache(fetchSet('clock behind by S'), cacheMs), clockSkewSeconds),
    },
  ]
  return { servers, fetches, close: edge.close }
}

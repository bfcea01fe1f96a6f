import { errors, type JWTHeaderParameters, jwtVerify } from 'jose'
import {
  type AccessTokenClaims,
  type Needs,
  neededScope,
  readClaims,
  requireScope,
} from './access-token-claims.ts'
import { BearerError, tokenInvalid, unavailable } from './bearer-error.ts'
import type { Fetch } from './bounded-fetch.ts'
import { machineClock, type ResourceClock } from './clock.ts'
import { fetchKeysFrom } from './fetch-keys.ts'
import type { Introspection } from './introspection.ts'
import { type KeysEvent, keyCache } from './key-cache.ts'
import { isResourceAlgorithm, type ResourceAlgorithm } from './key-set.ts'

/** RFC 9068 §2.1. */
const TYPE = 'at+jwt'
/** Keyturn's tokens are below half of it; anything longer is refused before it is looked into. */
const MAX_LENGTH = 8192
const DEFAULT_TOLERANCE_SECONDS = 10
/** Keyturn publishes a key for this much longer than the last token that it signed lives. */
const MAX_TOLERANCE_SECONDS = 60
const DEFAULT_TIMEOUT_MS = 5000

/** What a verifier has to be told. */
export interface VerifierOptions {
  /** Keyturn's issuer, exactly as it stands in `iss`: compared as text. */
  readonly issuer: string
  /** The resource server's own name, or names: one of them must be in `aud`. */
  readonly audience: string | readonly string[]
  /** What tokens may be signed with: RS256 unless clients were given another. */
  readonly algorithms?: readonly ResourceAlgorithm[]
  /** How far our clock may be ahead of Keyturn's: 10 unless told otherwise, 60 at most. */
  readonly clockToleranceSeconds?: number
  /** Where the keys are, if not at the issuer's `/.well-known/jwks.json`. */
  readonly jwksUri?: string
  /** The longest that a question for the keys may take. */
  readonly timeoutMs?: number
  /** Asks about each token that verifies, for those who need a revocation to count at once. */
  readonly introspection?: Introspection
  /** Is told what each fetch of the keys came to, for a log or a metric. */
  readonly onKeys?: (event: KeysEvent) => void
  readonly fetch?: Fetch
  readonly clock?: ResourceClock
}

/** Verifies access tokens. */
export interface Verifier {
  /**
   * What the token says, when it is good for a request with these needs.
   * @throws BearerError `invalid_token`, `insufficient_scope`, or `unavailable` when nobody can say
   */
  verify(token: string, needs?: Needs): Promise<AccessTokenClaims>
  /** Fetches the keys beforehand, so that the first request does not wait. Does not throw: each request tries again. */
  warm(): Promise<void>
}

/**
 * Makes a verifier of Keyturn's access tokens (RFC 9068 §4): signature, `iss`, `aud`, `exp`, `typ`, and what has to be in
 * them. Make one for the whole process: it holds the keys.
 * @throws TypeError for options with which it would let in the wrong ones, or nobody
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, algorithms, clockToleranceSeconds, introspection } = checked(options)
  const clock = options.clock ?? machineClock
  const fetchKeys = fetchKeysFrom(options.jwksUri ?? `${issuer}/.well-known/jwks.json`, {
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    algorithms,
  })
  const keys = keyCache(fetchKeys, { clock, onKeys: options.onKeys ?? (() => {}) })

  return {
    async verify(token, needs) {
      const scope = neededScope(needs)
      const claims = readClaims(await verifySignature(token))
      requireScope(claims, scope)
      // Last: it costs a question, and nobody else's business is to be asked about.
      if (introspection && !(await introspection.isActive(token))) throw tokenInvalid('not_active')
      return claims
    },

    warm: () => keys.warm(),
  }

  async function verifySignature(token: string): Promise<Record<string, unknown>> {
    if (token.length > MAX_LENGTH) throw tokenInvalid('too_long')
    try {
      const { payload } = await jwtVerify(token, keyFor, {
        issuer,
        audience,
        algorithms,
        typ: TYPE,
        clockTolerance: clockToleranceSeconds,
        currentDate: clock.now(),
        requiredClaims: ['exp'],
      })
      return payload
    } catch (error) {
      throw toBearerError(error)
    }
  }

  /** Is called once the header is whole and its `alg` is one of ours. */
  async function keyFor({ kid, alg }: JWTHeaderParameters) {
    if (typeof kid !== 'string') throw tokenInvalid('no_kid')
    const found = await keys.find(kid)
    if (found === undefined) throw tokenInvalid('unknown_kid')
    if (found.algorithm !== alg) throw tokenInvalid('alg_of_another_key')
    return found.key
  }
}

/** jose throws a TypeError, too, at some of what strangers send. What else may happen is not the token's fault. */
function toBearerError(error: unknown): BearerError {
  if (error instanceof BearerError) return error
  if (error instanceof errors.JWTExpired) return tokenInvalid('expired', error)
  if (error instanceof errors.JWTClaimValidationFailed) return tokenInvalid(`claim_${error.claim}`, error)
  if (error instanceof errors.JOSEError) return tokenInvalid(error.code, error)
  if (error instanceof TypeError) return tokenInvalid('malformed', error)
  return unavailable('verification_failed', 1, error)
}

function checked(options: VerifierOptions) {
  const { issuer, introspection } = options
  const audience = [options.audience].flat()
  const algorithms = [...(options.algorithms ?? ['RS256' as const])]
  const clockToleranceSeconds = options.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS
  for (const url of [issuer, options.jwksUri ?? issuer]) {
    if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) throw new TypeError(`not an http(s) URL: ${url}`)
  }
  if (issuer.endsWith('/')) throw new TypeError('the issuer has no slash at its end: it is compared as text')
  if (audience.length === 0 || !audience.every((name) => typeof name === 'string' && name !== '')) {
    throw new TypeError('an audience is needed: without it the tokens of every other API would do')
  }
  if (algorithms.length === 0 || !algorithms.every(isResourceAlgorithm)) {
    throw new TypeError(`algorithms can be RS256, ES256 and EdDSA, not ${algorithms.join(', ') || 'none'}`)
  }
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= MAX_TOLERANCE_SECONDS)) {
    throw new TypeError(`clockToleranceSeconds is between 0 and ${MAX_TOLERANCE_SECONDS}`)
  }
  return { issuer, audience, algorithms, clockToleranceSeconds, introspection }
}

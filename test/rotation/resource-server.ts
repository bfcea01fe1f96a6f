import { type KeyObject, verify } from 'node:crypto'
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose'
import { ISSUER } from '../faults/seeds.ts'
import type { KeyCache } from './key-caches.ts'
import { type FetchJwks, NoKeys } from './key-set.ts'

/** What a resource server makes of a token. */
export type Verdict =
  | { readonly verdict: 'accepted' | 'unknown kid' | 'bad signature' }
  /** The JWKS was not to be had, or the token itself is not right. */
  | { readonly verdict: 'no keys' | 'refused'; readonly because: string }

/** Tells what a resource server makes of a token at a moment. */
export type Verify = (token: string, at: Date) => Promise<Verdict>

/** Not scaled, and not jose's 5 s: a busy machine must not look like a key that is missing. */
const TIMEOUT_MS = 30_000

/** RFC 9068 §4, as every server here checks it. The same for both ways of verifying. */
const EXPECTED = { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt' } as const

/** A server that verifies with `jose` and its remote JWKS, as it is. */
export function joseServer(
  jwksUrl: string,
  fetchJwks: FetchJwks,
  options: { cacheMaxAge: number; cooldownDuration: number },
): Verify {
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    ...options,
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: fetchJwks,
  })
  return async (token, at) => {
    try {
      await jwtVerify(token, keys, { ...EXPECTED, currentDate: at })
      return { verdict: 'accepted' }
    } catch (error) {
      return verdictOn(error)
    }
  }
}

function verdictOn(error: unknown): Verdict {
  if (error instanceof errors.JWKSNoMatchingKey) return { verdict: 'unknown kid' }
  if (error instanceof errors.JWSSignatureVerificationFailed) return { verdict: 'bad signature' }
  const isClaim = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed
  return { verdict: isClaim ? 'refused' : 'no keys', because: explain(error) }
}

function explain(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${error.cause}` : ''
  return `${error}${cause}`
}

/**
 * A server that verifies with `node:crypto` and keeps its keys in `cache`.
 * @param leewaySeconds how far in the future an `iat` may lie (PyJWT refuses any other)
 */
export function plainServer(cache: KeyCache, leewaySeconds = 0): Verify {
  return async (token, at) => {
    const [header = '', payload = '', signature = ''] = token.split('.')
    const { kid, alg, typ } = decode(header)
    if (alg !== 'RS256' || typ !== EXPECTED.typ) return { verdict: 'refused', because: `${alg} ${typ}` }
    try {
      const fits = (key: KeyObject) => {
        const signed = Buffer.from(`${header}.${payload}`)
        return verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))
      }
      const key = await cache.find(String(kid))
      if (key === undefined) return { verdict: 'unknown kid' }
      if (!fits(key)) {
        const other = await cache.again?.(String(kid))
        if (other === undefined || !fits(other)) return { verdict: 'bad signature' }
      }
    } catch (error) {
      if (error instanceof NoKeys) return { verdict: 'no keys', because: explain(error) }
      throw error
    }
    const { iss, aud, iat, exp } = decode(payload)
    const now = at.getTime() / 1000
    const isRight = iss === EXPECTED.issuer && [aud].flat().includes(EXPECTED.audience)
    if (isRight && now < Number(exp) && Number(iat) <= now + leewaySeconds) return { verdict: 'accepted' }
    return { verdict: 'refused', because: `${iss} ${aud} ${iat} ${exp} at ${now}` }
  }
}

/** A part of a token that nobody has altered. */
export function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
}

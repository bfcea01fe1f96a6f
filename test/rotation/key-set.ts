import { createPublicKey, type KeyObject } from 'node:crypto'

/** Gets a JWKS; the one place from which every resource server here gets it, so that a picture can show what it holds. */
export type FetchJwks = (url: string | URL, init?: RequestInit) => Promise<Response>

/** The RSA keys of a JWKS, by kid. */
export type KeySet = ReadonlyMap<string, KeyObject>

/** No keys were to be had: what a library throws when its fetch fails. */
export class NoKeys extends Error {}

/** As jwks-rsa and PyJWT. */
const TIMEOUT_MS = 30_000

/**
 * Fetches a JWKS and imports what an RSA-only library reads of it.
 * @throws NoKeys where it is not there, or has no key
 */
export async function fetchKeySet(fetchJwks: FetchJwks, url: string): Promise<KeySet> {
  const keys = new Map<string, KeyObject>()
  try {
    const response = await fetchJwks(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (response.status !== 200) throw new Error(`status ${response.status}`)
    const body = (await response.json()) as { keys: { kid: string; kty: string; use: string }[] }
    for (const jwk of body.keys) {
      if (jwk.kty === 'RSA' && jwk.use === 'sig') {
        keys.set(jwk.kid, createPublicKey({ key: jwk, format: 'jwk' }))
      }
    }
  } catch (error) {
    throw new NoKeys('the JWKS could not be fetched', { cause: error })
  }
  if (keys.size === 0) throw new NoKeys('the JWKS is empty')
  return keys
}

import { createHash } from 'node:crypto'
import { SIGNING_ALGORITHM_NAMES, type SigningAlgorithm } from './algorithms.ts'
import type { PublicJwk } from './key-material.ts'
import { jwksCacheControl, type KeySchedule } from './schedule.ts'
import { comparePublication, type SigningKey } from './signing-key.ts'

/** The JWKS, ready to be sent. */
export interface PublishedJwks {
  /** UTF-8 JSON (RFC 7517 §5). */
  readonly body: Buffer
  /** A strong entity tag with its quotes (RFC 9110 §8.8.3); the same bytes have the same tag on every node. */
  readonly etag: string
  readonly cacheControl: string
}

/**
 * The JWKS of `keys`. Same keys, same bytes: algorithms in the order of their table, then by publication; members in a
 * fixed order; only public ones, picked by name. Django REST Framework answers 500 to a key without `alg` and ignores
 * one without `use`, so every key has both.
 */
export function makeJwks(
  keys: readonly (SigningKey & { publicJwk: PublicJwk })[],
  schedule: KeySchedule,
): PublishedJwks {
  const entries = [...keys]
    .sort((left, right) => rank(left.algorithm) - rank(right.algorithm) || comparePublication(left, right))
    .map(({ kid, algorithm, publicJwk: { kty, ...members } }) => ({
      kty,
      kid,
      use: 'sig',
      alg: algorithm,
      ...members,
    }))
  const body = Buffer.from(JSON.stringify({ keys: entries }), 'utf8')
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
  return { body, etag, cacheControl: jwksCacheControl(schedule) }
}

/** The same for a set that was read so long ago: a node that cannot read the next one has others keep this one for less. */
export function agedJwks(jwks: PublishedJwks, ageSeconds: number, schedule: KeySchedule): PublishedJwks {
  if (ageSeconds <= schedule.reloadPeriodSeconds) return jwks
  return { ...jwks, cacheControl: jwksCacheControl(schedule, ageSeconds) }
}

function rank(algorithm: SigningAlgorithm): number {
  return SIGNING_ALGORITHM_NAMES.indexOf(algorithm)
}

import { type CryptoKey, importJWK, type JWK } from 'jose'

/** How each algorithm's keys look (RFC 7518 §6, RFC 8037 §2); of a key nothing but these members is read. */
const ALGORITHMS = {
  RS256: { kty: 'RSA', members: ['n', 'e'] },
  ES256: { kty: 'EC', crv: 'P-256', members: ['crv', 'x', 'y'] },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', members: ['crv', 'x'] },
} as const satisfies Record<string, { kty: string; crv?: string; members: readonly string[] }>

/** The signature algorithms that can be asked for. No symmetric one: a public key must never serve as a secret. */
export type ResourceAlgorithm = keyof typeof ALGORITHMS

/** A key that may verify, with one algorithm (RFC 8725 §3.1). */
export interface VerificationKey {
  readonly algorithm: ResourceAlgorithm
  readonly key: CryptoKey
}

/** The keys by their `kid`. */
export type KeySet = ReadonlyMap<string, VerificationKey>

/** RFC 7518 §3.3. */
const LEAST_RSA_BITS = 2048
/** RFC 7515 §2. */
const BASE64URL = /^[A-Za-z0-9_-]+$/

/** Whether keys of the algorithm can be read. */
export function isResourceAlgorithm(name: string): name is ResourceAlgorithm {
  return Object.hasOwn(ALGORITHMS, name)
}

/**
 * Reads a JWKS (RFC 7517 §5). Keys that are not for `algorithms`, or cannot be read, are passed over: a set may hold
 * more than we know. Two different keys under one `kid` are both passed over, since nobody can say which one is meant.
 * @throws Error when it is no JWKS, or holds no key that can be used: then something is wrong with the whole of it
 */
export async function readKeySet(text: string, algorithms: readonly ResourceAlgorithm[]): Promise<KeySet> {
  const set: unknown = JSON.parse(text)
  if (!isObject(set) || !Array.isArray(set['keys'])) throw new Error('it is no JWKS')
  const keys = new Map<string, VerificationKey>()
  const printed = new Map<string, string>()
  for (const jwk of set['keys']) {
    const candidate = readKey(jwk, algorithms)
    if (!candidate) continue
    const { kid, algorithm, members } = candidate
    const earlier = printed.get(kid)
    printed.set(kid, JSON.stringify(members))
    if (earlier !== undefined) {
      if (earlier !== printed.get(kid)) keys.delete(kid)
      continue
    }
    const key = await importKey(members, algorithm)
    if (key !== undefined) keys.set(kid, { algorithm, key })
  }
  if (keys.size === 0) throw new Error('the JWKS has no key that can be used')
  return keys
}

function readKey(jwk: unknown, algorithms: readonly ResourceAlgorithm[]) {
  if (!isObject(jwk)) return undefined
  const { kid, use, key_ops: operations } = jwk
  const algorithm = algorithms.find((name) => name === jwk['alg'])
  if (typeof kid !== 'string' || kid === '' || algorithm === undefined) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined
  const row: { kty: string; crv?: string; members: readonly string[] } = ALGORITHMS[algorithm]
  if (jwk['kty'] !== row.kty || (row.crv !== undefined && jwk['crv'] !== row.crv)) return undefined
  const isText = (name: string) => typeof jwk[name] === 'string' && BASE64URL.test(jwk[name])
  if (!row.members.every(isText)) return undefined
  const members = Object.fromEntries(row.members.map((name) => [name, String(jwk[name])]))
  return { kid, algorithm, members: { kty: row.kty, ...members } }
}

async function importKey(members: JWK, algorithm: ResourceAlgorithm): Promise<CryptoKey | undefined> {
  const key = await importJWK(members, algorithm).catch(() => undefined)
  if (key === undefined || key instanceof Uint8Array) return undefined
  const { modulusLength = LEAST_RSA_BITS } = key.algorithm as { modulusLength?: number }
  return modulusLength < LEAST_RSA_BITS ? undefined : key
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

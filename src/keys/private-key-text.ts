import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { Refusal } from '../refusal.ts'

/** A private key that somebody has brought along. */
export interface ReadPrivateKey {
  readonly privateKey: KeyObject
  /** The `kid` that its JWK had; undefined where there was none. */
  readonly kid: string | undefined
  /** The `alg` that its JWK had. */
  readonly algorithm: string | undefined
}

const PEM_LABEL = /-----BEGIN ([A-Z0-9 ]+)-----/g
/** OpenSSL writes it in front of the key itself. */
const NO_KEY_LABELS = ['EC PARAMETERS']
const PRIVATE_LABELS = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']

/**
 * Reads one private key: PEM (PKCS #8, PKCS #1, SEC 1) or a JWK (RFC 7517).
 * @throws Refusal `key_malformed`, `several_keys`, `public_half_only`, `key_encrypted`, `key_mismatched`, with what to
 * do about it; it never repeats what was given
 */
export function readPrivateKey(text: string): ReadPrivateKey {
  const trimmed = text.trim()
  const read = trimmed.startsWith('{') ? fromJwk(trimmed) : fromPem(trimmed)
  requireMatchingHalves(read.privateKey)
  return read
}

function fromPem(text: string): ReadPrivateKey {
  const labels = [...text.matchAll(PEM_LABEL)]
    .map(([, label = '']) => label)
    .filter((label) => !NO_KEY_LABELS.includes(label))
  const [label] = labels
  if (label === undefined) {
    throw new Refusal(
      'key_malformed',
      'that is neither a PEM file nor a JWK: give a private key as one of them',
    )
  }
  if (labels.length > 1) {
    throw new Refusal(
      'several_keys',
      `there are ${labels.length} PEM blocks (${labels.join(', ')}): give one key`,
    )
  }
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:.*ENCRYPTED/m.test(text)) {
    throw new Refusal(
      'key_encrypted',
      'the key is encrypted with a passphrase: decrypt it on the way in, with openssl pkey -in FILE | keyturn keys import -',
    )
  }
  if (label.endsWith('PUBLIC KEY') || label === 'CERTIFICATE') throw publicHalfOnly()
  if (!PRIVATE_LABELS.includes(label)) {
    throw new Refusal('key_malformed', `a PEM block ${label} cannot be read: convert it with openssl pkey`)
  }
  return { privateKey: parse(text), kid: undefined, algorithm: undefined }
}

function fromJwk(text: string): ReadPrivateKey {
  const jwk = parseJson(text)
  const { keys, kty, d, use, kid, alg } = jwk
  if (keys !== undefined)
    throw new Refusal('several_keys', 'that is a set of keys (JWKS): give one key out of it')
  if (kty === 'oct')
    throw new Refusal('unsuitable_key', 'a symmetric key cannot sign tokens that others verify')
  if (d === undefined) throw publicHalfOnly()
  if (use !== undefined && use !== 'sig') {
    throw new Refusal('unsuitable_key', `its JWK says use: ${JSON.stringify(use)}; only sig is for signing`)
  }
  const privateKey = parse(jwk)
  const derived = publicMembers(privateKey)
  for (const [name, value] of Object.entries(derived)) {
    if (jwk[name] !== value) throw mismatched()
  }
  return {
    privateKey,
    kid: typeof kid === 'string' ? kid : undefined,
    algorithm: typeof alg === 'string' ? alg : undefined,
  }
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new Refusal('key_malformed', 'it begins like a JWK and is not JSON')
  }
}

function parse(key: string | Record<string, unknown>): KeyObject {
  try {
    return typeof key === 'string' ? createPrivateKey(key) : createPrivateKey({ key, format: 'jwk' })
  } catch {
    // What OpenSSL says may repeat what was given.
    throw new Refusal(
      'key_malformed',
      'the private key cannot be read: it is cut off or altered, or a JWK that lacks a member (RSA: n e d p q dp dq qi)',
    )
  }
}

/** Both halves and, of RSA, all the numbers must belong together: a key may sign by some and be stored with others. */
function requireMatchingHalves(privateKey: KeyObject): void {
  if (!hasMatchingNumbers(privateKey) || !signsWhatItVerifies(privateKey)) throw mismatched()
}

function signsWhatItVerifies(privateKey: KeyObject): boolean {
  const digest = ['ed25519', 'ed448'].includes(privateKey.asymmetricKeyType ?? '') ? null : 'sha256'
  const message = randomBytes(32)
  try {
    return verify(digest, message, createPublicKey(privateKey), sign(digest, message, privateKey))
  } catch {
    return false
  }
}

function hasMatchingNumbers(privateKey: KeyObject): boolean {
  if (privateKey.asymmetricKeyType !== 'rsa') return true
  const jwk = privateKey.export({ format: 'jwk' })
  const [n, e, d, p, q] = [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q].map(toNumber)
  if (!n || !e || !d || !p || !q) return false
  return p * q === n && (e * d) % (p - 1n) === 1n && (e * d) % (q - 1n) === 1n
}

function toNumber(base64url: string | undefined): bigint {
  return BigInt(`0x0${Buffer.from(base64url ?? '', 'base64url').toString('hex')}`)
}

/** What the public half says, as the private one has it; nothing of a kind of key that a JWK cannot carry. */
function publicMembers(privateKey: KeyObject): Record<string, unknown> {
  const { kty: _, ...members } = createPublicKey(privateKey).export({ format: 'jwk' })
  return members
}

function publicHalfOnly(): Refusal {
  return new Refusal('public_half_only', 'that is the public half of a key: give the private one')
}

function mismatched(): Refusal {
  return new Refusal('key_mismatched', 'its parts do not belong together: what it signs would not verify')
}

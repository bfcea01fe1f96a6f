import type { KeyObject } from 'node:crypto'
import { generateKeyPair as generate } from 'node:crypto'
import { promisify } from 'node:util'

const generateKeyPair = promisify(generate)

/** RFC 7518 §3.3 asks for 2048 bits or more; more would make every signature four times as dear. */
const RSA_BITS = 2048
/** What signs with more takes a second, and many verifiers refuse it. */
const MOST_RSA_BITS = 8192
const RSA_EXPONENT = 65_537n

/** What there is to know of one signature algorithm. */
interface AlgorithmRow {
  /** The `kty` of its keys (RFC 7518 §6.1). */
  readonly kty: string
  /** The public members of its JWKs beside `kty`: no other member is ever published. */
  readonly publicMembers: readonly string[]
  /** How Web Crypto imports its keys. */
  readonly webCrypto: { readonly name: string; readonly hash?: string; readonly namedCurve?: string }
  /** How `crypto.sign` is told: the digest (null where the algorithm has its own) and the form of the signature. */
  readonly digest: string | null
  readonly signature: { readonly dsaEncoding?: 'ieee-p1363' }
  /** Makes a new private key, off the main thread. */
  generate(): Promise<KeyObject>
  /** Why `key`, private or public, must not be used with it; undefined when it may. */
  objection(key: KeyObject): string | undefined
}

/**
 * Every algorithm we can sign with, in the order in which the JWKS lists their keys. RSA comes first: a resource server
 * that reads one kind of key only must not stumble over another before it. A row here is all it takes to add one; it has
 * no key until an operator introduces it (rotation.ts, docs/adr/0012-algorithms.md).
 */
export const SIGNING_ALGORITHMS = {
  RS256: {
    kty: 'RSA',
    publicMembers: ['n', 'e'],
    webCrypto: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    digest: 'sha256',
    signature: {},
    async generate() {
      const { privateKey } = await generateKeyPair('rsa', {
        modulusLength: RSA_BITS,
        publicExponent: Number(RSA_EXPONENT),
      })
      return privateKey
    },
    objection(key) {
      if (key.asymmetricKeyType !== 'rsa') return 'it is not an RSA key'
      const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {}
      if (modulusLength < RSA_BITS) return `it has ${modulusLength} bits; ${RSA_BITS} is the least`
      if (modulusLength > MOST_RSA_BITS) return `it has ${modulusLength} bits; ${MOST_RSA_BITS} is the most`
      if (publicExponent !== RSA_EXPONENT) return `its public exponent is not ${RSA_EXPONENT}`
      return undefined
    },
  },
  ES256: {
    kty: 'EC',
    publicMembers: ['crv', 'x', 'y'],
    webCrypto: { name: 'ECDSA', namedCurve: 'P-256' },
    digest: 'sha256',
    // RFC 7518 §3.4: r and s beside each other, not DER.
    signature: { dsaEncoding: 'ieee-p1363' },
    async generate() {
      const { privateKey } = await generateKeyPair('ec', { namedCurve: 'P-256' })
      return privateKey
    },
    objection(key) {
      if (key.asymmetricKeyType !== 'ec') return 'it is not an elliptic curve key'
      const { namedCurve } = key.asymmetricKeyDetails ?? {}
      // OpenSSL's name of P-256.
      return namedCurve === 'prime256v1' ? undefined : `its curve is ${namedCurve}, not P-256`
    },
  },
  EdDSA: {
    kty: 'OKP',
    publicMembers: ['crv', 'x'],
    webCrypto: { name: 'Ed25519' },
    digest: null,
    signature: {},
    async generate() {
      const { privateKey } = await generateKeyPair('ed25519')
      return privateKey
    },
    objection(key) {
      // `alg: EdDSA` names Ed448 too (RFC 8037 §3.1), which few verifiers can read.
      return key.asymmetricKeyType === 'ed25519' ? undefined : 'it is not an Ed25519 key'
    },
  },
} as const satisfies Record<string, AlgorithmRow>

/** The `alg` values (RFC 7518 §3.1) of the table. */
export type SigningAlgorithm = keyof typeof SIGNING_ALGORITHMS

/** What a client gets that did not choose: the one algorithm that always has keys. */
export const DEFAULT_SIGNING_ALGORITHM: SigningAlgorithm = 'RS256'

/** The names in the table, in its order. */
export const SIGNING_ALGORITHM_NAMES = Object.keys(SIGNING_ALGORITHMS) as readonly SigningAlgorithm[]

/** Whether this release knows the algorithm: during an upgrade a newer node may have stored keys of another. */
export function isSigningAlgorithm(name: string): name is SigningAlgorithm {
  return Object.hasOwn(SIGNING_ALGORITHMS, name)
}

/** The row of an algorithm. */
export function algorithmRow(name: SigningAlgorithm): AlgorithmRow {
  return SIGNING_ALGORITHMS[name]
}

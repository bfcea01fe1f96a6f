import { createPrivateKey, createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { seal } from '../crypto/envelope.ts'
import { Refusal } from '../refusal.ts'
import { algorithmRow, type SigningAlgorithm } from './algorithms.ts'
import type { SealingKey, SealingKeyLine } from './sealing-key.ts'

/** A public key as a JWK: `kty` and the public members of its algorithm, nothing else. */
export type PublicJwk = Readonly<Record<string, string>>

/** A key of Web Crypto, good for signing or for verifying, not for taking out again. */
export type CryptoKey = webcrypto.CryptoKey

/** A key pair ready to be stored. */
export interface SealedKeyPair {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: PublicJwk
  readonly sealedPrivateKey: Buffer
  /** The fingerprint of the line that sealed it. */
  readonly sealedWith: string
}

/** Makes a key pair; the work is done off the main thread. */
export async function generateSigningKey(
  algorithm: SigningAlgorithm,
  line: SealingKeyLine,
): Promise<SealedKeyPair> {
  return sealSigningKey(algorithm, await algorithmRow(algorithm).generate(), line)
}

/**
 * Seals a private key, under its own kid.
 * @throws Refusal `unsuitable_key` when it is of another kind or too weak for the algorithm
 */
export async function sealSigningKey(
  algorithm: SigningAlgorithm,
  privateKey: KeyObject,
  line: SealingKeyLine,
): Promise<SealedKeyPair> {
  const objection = algorithmRow(algorithm).objection(privateKey)
  if (objection) throw new Refusal('unsuitable_key', `the key cannot be used for ${algorithm}: ${objection}`)
  const publicJwk = publicPart(algorithm, createPublicKey(privateKey).export({ format: 'jwk' }))
  const kid = await thumbprint(publicJwk)
  const encoded = privateKey.export({ format: 'der', type: 'pkcs8' })
  const sealedPrivateKey = seal(line.bytes, encoded, signingKeyContext(kid))
  encoded.fill(0)
  return { kid, algorithm, publicJwk, sealedPrivateKey, sealedWith: line.fingerprint }
}

/** The same pair, sealed with another line. */
export function resealPair(pair: SealedKeyPair, sealingKey: SealingKey, line: SealingKeyLine): SealedKeyPair {
  if (pair.sealedWith === line.fingerprint) return pair
  const context = signingKeyContext(pair.kid)
  const { opened } = sealingKey.open(pair.sealedPrivateKey, context)
  const sealedPrivateKey = seal(line.bytes, opened, context)
  opened.fill(0)
  return { ...pair, sealedPrivateKey, sealedWith: line.fingerprint }
}

/**
 * Opens and imports the private part of a stored key.
 * @throws Error when the sealing key or the kid is another one, a bit has changed, or it is not the half that belongs
 * to this kid
 */
export async function openSigningKey(
  key: Pick<SealedKeyPair, 'kid' | 'algorithm' | 'sealedPrivateKey'>,
  sealingKey: SealingKey,
): Promise<CryptoKey> {
  const encoded = sealingKey.open(key.sealedPrivateKey, signingKeyContext(key.kid)).opened
  try {
    const privateKey = createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' })
    const publicJwk = publicPart(key.algorithm, createPublicKey(privateKey).export({ format: 'jwk' }))
    if ((await thumbprint(publicJwk)) !== key.kid) throw new Error('the private key belongs to another kid')
    requireSuitable(key.algorithm, privateKey)
    const { webCrypto } = algorithmRow(key.algorithm)
    return await webcrypto.subtle.importKey('pkcs8', encoded, webCrypto, false, ['sign'])
  } finally {
    encoded.fill(0)
  }
}

/** Whether `sealingKey` opens this sealed private part; says nothing about what is inside. */
export function opensSigningKey(kid: string, sealedPrivateKey: Uint8Array, sealingKey: SealingKey): boolean {
  return sealingKey.opens(sealedPrivateKey, signingKeyContext(kid))
}

/**
 * Imports the public part of a stored key.
 * @throws Error when it is not a key of its algorithm, or not the one that its kid names
 */
export async function importPublicKey(
  key: Pick<SealedKeyPair, 'kid' | 'algorithm'> & { publicJwk: JWK },
): Promise<{ publicJwk: PublicJwk; publicKey: CryptoKey }> {
  const stored = createPublicKey({ key: publicPart(key.algorithm, key.publicJwk), format: 'jwk' })
  requireSuitable(key.algorithm, stored)
  // Written anew: base64url has several spellings of the same bytes, and each would have a kid of its own.
  const publicJwk = publicPart(key.algorithm, stored.export({ format: 'jwk' }))
  if ((await thumbprint(publicJwk)) !== key.kid) throw new Error('the public key belongs to another kid')
  const { webCrypto } = algorithmRow(key.algorithm)
  const publicKey = await webcrypto.subtle.importKey('jwk', publicJwk, webCrypto, true, ['verify'])
  return { publicJwk, publicKey }
}

/** The kid of a public key: its RFC 7638 thumbprint with SHA-256, which only `kty` and the public members enter. */
export function thumbprint(jwk: JWK): Promise<string> {
  return calculateJwkThumbprint(jwk, 'sha256')
}

function publicPart(algorithm: SigningAlgorithm, jwk: object): PublicJwk {
  const { kty, publicMembers } = algorithmRow(algorithm)
  const members = new Map<string, unknown>(Object.entries(jwk))
  if (members.get('kty') !== kty) throw new Error(`not a ${kty} key`)
  const part: Record<string, string> = { kty }
  for (const name of publicMembers) {
    const value = members.get(name)
    if (typeof value !== 'string') throw new Error(`the public key lacks ${name}`)
    part[name] = value
  }
  return part
}

function requireSuitable(algorithm: SigningAlgorithm, key: KeyObject): void {
  const objection = algorithmRow(algorithm).objection(key)
  if (objection) throw new Error(`the key cannot be used for ${algorithm}: ${objection}`)
}

/** What a sealed private part is bound to: it is a signing key, and this one. */
export function signingKeyContext(kid: string): string {
  return `signing:${kid}`
}

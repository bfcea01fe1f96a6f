import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'

/** What simplejwt may have signed with. One of them is pinned: what a token's header says is compared with it, never obeyed. */
export const OLD_ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'ES256'] as const
export type OldAlgorithm = (typeof OLD_ALGORITHMS)[number]

/** How long an old key may be accepted at most: longer than the clients take, it is a back door. */
const LONGEST_DAYS = 90
/** RFC 7518 §3.2, for HS256. With a shorter one anybody can try keys at leisure. */
const LEAST_SECRET_BYTES = 32
const LEAST_RSA_BITS = 2048
/** How long nodes go on with what they read, as with every other key. */
const REMEMBERED_MS = 15_000

/** The key of an earlier system, whose refresh tokens are swapped for ours. */
export interface AcceptedKey {
  readonly algorithm: OldAlgorithm
  /** The secret, or the public key as PEM. */
  readonly key: string
  /** Nothing is swapped from then on. */
  readonly acceptUntil: Date
  /** Whether only tokens are swapped that were brought along as outstanding. */
  readonly isListRequired: boolean
}

/**
 * Checks what an operator says of an old key.
 * @param details.text what `SIGNING_KEY` (or, of a pair, `VERIFYING_KEY`) is; one line break at its end does not count
 * @throws Refusal that says what is wrong, never the key
 */
export function makeAcceptedKey(
  details: { text: string; algorithm: string; acceptUntil: Date; isListRequired: boolean },
  now: Date,
): AcceptedKey {
  const { acceptUntil, isListRequired } = details
  const algorithm = OLD_ALGORITHMS.find((name) => name === details.algorithm)
  if (!algorithm) throw invalid(`the algorithm is one of ${OLD_ALGORITHMS.join(', ')}`)
  const latest = new Date(now.getTime() + LONGEST_DAYS * 86_400_000)
  if (!(acceptUntil > now && acceptUntil <= latest)) {
    throw invalid(`old tokens are accepted for ${LONGEST_DAYS} days at most: until ${latest.toISOString()}`)
  }
  const text = details.text.replace(/\r?\n$/, '')
  const key = algorithm.startsWith('HS') ? checkSecret(text) : checkPublicKey(text, algorithm)
  return { algorithm, key, acceptUntil, isListRequired }
}

/** As it is sealed. */
export function printAcceptedKey(key: AcceptedKey): Buffer {
  return Buffer.from(JSON.stringify(key), 'utf8')
}

/** What was sealed. */
function readAcceptedKey(bytes: Buffer): AcceptedKey {
  const key = JSON.parse(bytes.toString('utf8'))
  return { ...key, acceptUntil: new Date(key.acceptUntil) }
}

/** Reads it when it is first needed, and again when that is some seconds ago. */
export function rememberAcceptedKey(
  read: () => Promise<Buffer | undefined>,
  clock: Clock,
): () => Promise<AcceptedKey | undefined> {
  let known: { key: AcceptedKey | undefined; readAt: number } | undefined
  return async () => {
    const now = clock.now().getTime()
    if (known === undefined || Math.abs(now - known.readAt) > REMEMBERED_MS) {
      const bytes = await read()
      known = { key: bytes && readAcceptedKey(bytes), readAt: now }
    }
    return known.key
  }
}

function checkSecret(text: string): string {
  if (Buffer.byteLength(text) >= LEAST_SECRET_BYTES) return text
  throw invalid(`the key has fewer than ${LEAST_SECRET_BYTES} bytes: its users have to sign in again`)
}

function checkPublicKey(text: string, algorithm: OldAlgorithm): string {
  let key: KeyObject
  try {
    key = createPublicKey(text)
  } catch {
    throw invalid(`${algorithm} needs the key as PEM: VERIFYING_KEY`)
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: has } = key
  const fits =
    algorithm === 'RS256'
      ? type === 'rsa' && (has?.modulusLength ?? 0) >= LEAST_RSA_BITS
      : type === 'ec' && has?.namedCurve === 'prime256v1'
  if (!fits) throw invalid(`the key is none for ${algorithm} (RSA of ${LEAST_RSA_BITS} bits, or P-256)`)
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

function invalid(rule: string): Refusal {
  return new Refusal('old_key_invalid', rule)
}

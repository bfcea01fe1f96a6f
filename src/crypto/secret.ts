import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const SECRET_BYTES = 32
const CHECKSUM_LENGTH = 6

/**
 * A new secret: `<prefix>_<43 characters, 256 random bits>_<checksum>`. The prefix lets people and scanners recognise
 * it; the checksum tells a mistyped or cut one from a wrong one without asking a store.
 * @param prefix lower-case letters, for example `ktcs` (client secret)
 */
export function makeSecret(prefix: string): string {
  const body = `${prefix}_${randomBytes(SECRET_BYTES).toString('base64url')}`
  return `${body}_${checksum(body)}`
}

/** Whether `secret` is complete and carries this prefix: its checksum holds. Says nothing about who it belongs to. */
export function isWellFormedSecret(prefix: string, secret: string): boolean {
  const end = secret.length - CHECKSUM_LENGTH - 1
  const body = secret.slice(0, Math.max(end, 0))
  return body.startsWith(`${prefix}_`) && secret === `${body}_${checksum(body)}`
}

/**
 * What is stored of a secret. Plain SHA-256 is enough: 256 random bits cannot be guessed, and a slow hash would be
 * paid on every request.
 */
export function digestSecret(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest()
}

/** Whether two digests are the same; takes the same time wherever they differ. */
export function equalDigests(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function checksum(body: string): string {
  return createHash('sha256').update(body, 'utf8').digest('base64url').slice(0, CHECKSUM_LENGTH)
}

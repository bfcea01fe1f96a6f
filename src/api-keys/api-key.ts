import { createHash, randomInt } from 'node:crypto'
import { equalDigests } from '../crypto/secret.ts'

/** A key for a program, `prefix.secret`: shown once, sent as `Authorization: Api-Key …`. */
export interface ApiKey {
  /** For people and tokens; never presented. */
  readonly id: string
  /** The part before the dot: it finds the row, and may be shown. */
  readonly prefix: string
  readonly name: string
  /** Whom it acts for; null where it acts for itself. */
  readonly user: { readonly id: string; readonly username: string } | null
  /** What tokens for it may carry. */
  readonly scopes: readonly string[]
  /** The resources that tokens for it may be for; none means the issuer. */
  readonly audiences: readonly string[]
  /** Of tokens for it, in seconds; null takes the configuration's. */
  readonly accessTokenTtlSeconds: number | null
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  /** To the minute. */
  readonly lastUsedAt: Date | null
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const PREFIX_LENGTH = 8
/** 190 bits, which nobody guesses: what djangorestframework-api-key makes, and what its clients have columns for. */
const SECRET_LENGTH = 32
/** Other lengths come with imported keys. */
const PRESENTABLE = /^([A-Za-z0-9]{1,64})\.([A-Za-z0-9]{16,128})$/

/** A new random key and its prefix. */
export function makeApiKey(): { key: string; prefix: string } {
  const prefix = randomText(PREFIX_LENGTH)
  return { key: `${prefix}.${randomText(SECRET_LENGTH)}`, prefix }
}

/** The prefix of what is presented; undefined where it cannot be a key. */
export function prefixOf(presented: string): string | undefined {
  return PRESENTABLE.exec(presented)?.[1]
}

/** What djangorestframework-api-key 3 stores: `sha512$$` and the hex of the whole key's SHA-512. */
const SHA512 = /^sha512\$\$([0-9a-f]{128})$/

/** How an imported hash is checked: at once, or (a password hash) by a hash process; undefined where it is neither. */
export function kindOfImportedHash(hash: string): 'sha512' | 'password' | undefined {
  if (SHA512.test(hash)) return 'sha512'
  return /^pbkdf2_sha256\$\d{1,8}\$[^$]{1,128}\$[A-Za-z0-9+/=]{1,128}$/.test(hash) ? 'password' : undefined
}

/** Whether a key is the one of which an earlier system stored the SHA-512. */
export function matchesSha512(key: string, hash: string): boolean {
  const stored = SHA512.exec(hash)?.[1]
  if (stored === undefined) return false
  return equalDigests(createHash('sha512').update(key, 'utf8').digest(), Buffer.from(stored, 'hex'))
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

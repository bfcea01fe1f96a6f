import { createHmac, randomBytes } from 'node:crypto'

/** `default`: derived, the same at every login. `named`: random, made by hand. `imported`: of an earlier system. */
export type AuthtokenKind = 'default' | 'named' | 'imported'

/** A key that stands for its user, as Django REST Framework has them. The key itself is known to its holder only. */
export interface Authtoken {
  readonly id: string
  readonly userId: string
  readonly username: string
  readonly kind: AuthtokenKind
  /** Of a named one, for people. */
  readonly name: string | null
  readonly createdAt: Date
  /** Null: does not expire. */
  readonly expiresAt: Date | null
  /** To the minute. */
  readonly lastUsedAt: Date | null
}

/** 160 bits, in lower-case hex: what Django REST Framework makes, and what its clients have columns for. */
const KEY_LENGTH = 40
/** Imported ones may have come from somebody's own generator. */
const PRESENTABLE = /^[\x21-\x7e]{20,128}$/

/**
 * A user's default key. It follows from the user and a version, so that every login shows the same one although only its
 * digest is stored; nobody without the symmetric key can derive it.
 */
export function deriveAuthtoken(key: Uint8Array, userId: string, version: number): string {
  // No user's id has a colon, so no two inputs are one.
  return createHmac('sha256', key).update(`${userId}:${version}`).digest('hex').slice(0, KEY_LENGTH)
}

/** A new random key. */
export function makeAuthtoken(): string {
  return randomBytes(KEY_LENGTH / 2).toString('hex')
}

/** Whether anybody could have such a key. With anything else no store is asked. */
export function isPossibleAuthtoken(presented: string): boolean {
  return PRESENTABLE.test(presented)
}

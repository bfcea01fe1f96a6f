import { readHash } from './all-formats.ts'
import { hashArgon2id, impossibleArgon2id } from './argon2id.ts'
import type { SlowFunctions } from './password-format.ts'
import { slowFunctions } from './slow-functions.ts'

/** What checking a password against a stored hash found. */
export type Verification =
  | {
      readonly outcome: 'match'
      /** Whether the stored hash is out of date: hash the password anew and store that. */
      readonly rehash: boolean
    }
  | { readonly outcome: 'mismatch' }
  /** The stored hash is of no format we know, malformed, or asks for too much. No password fits it. */
  | { readonly outcome: 'unusable' }

/** Hashing and checking passwords. Only the hash process calls it: one computation keeps a core and 19 MiB busy. */
export interface PasswordHashing {
  /** A new hash, to be stored. */
  hash(password: string): Promise<string>
  /**
   * Checks a password. Exactly one hash is computed, whatever is wrong: without a stored one (no such user, no password
   * set) or with an unusable one it is computed at the current cost and thrown away, so that the time does not tell.
   * @param stored undefined where there is none
   */
  verify(password: string, stored: string | undefined): Promise<Verification>
}

/**
 * @param slow the functions that hashes are made with
 */
export function passwordHashing(slow: SlowFunctions = slowFunctions): PasswordHashing {
  const impossible = impossibleArgon2id()

  return {
    hash: (password) => hashArgon2id(bytesOf(password), slow),

    async verify(password, stored) {
      const hash = readHash(stored ?? impossible)
      if (hash === undefined) {
        await readHash(impossible)?.matches(bytesOf(password), slow)
        return { outcome: 'unusable' }
      }
      if (!(await hash.matches(bytesOf(password), slow))) return { outcome: 'mismatch' }
      return { outcome: 'match', rehash: !hash.isCurrent }
    },
  }
}

/** Verbatim: not trimmed, not normalised, not cut. */
function bytesOf(password: string): Buffer {
  return Buffer.from(password, 'utf8')
}

/**
 * One way in which a password's hash is written down: a row of the table in password-hash.ts. Hashes that users bring
 * along from elsewhere (Django's) are further rows; new ones are made in the first row's format alone.
 */
export interface PasswordFormat {
  /** What every hash of this format begins with, and none of another one. */
  readonly prefix: string
  /**
   * Reads a stored hash without computing anything. Undefined when it is malformed or asks for more work than `MAX_PASSES`
   * and `MAX_MEMORY_KIB` allow: it came from a database, perhaps not written by us, and must not be able to ask for a
   * terabyte.
   */
  read(stored: string): StoredHash | undefined
}

/** A hash that may be computed. */
export interface StoredHash {
  /** How much memory computing it takes, at most `MAX_MEMORY_KIB`. */
  readonly memoryKiB: number
  /** Whether it is what we would write today; otherwise the password is hashed anew at the next login. */
  readonly isCurrent: boolean
  /** Computes it and compares in constant time. */
  matches(password: Buffer): Promise<boolean>
}

/**
 * The most memory that one hash may take. Django's argon2 takes 100 MiB; what all children take together is bounded by this
 * times `KEYTURN_HASH_CONCURRENCY`.
 */
export const MAX_MEMORY_KIB = 128 * 1024

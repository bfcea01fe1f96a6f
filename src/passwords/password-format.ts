/**
 * One way in which a password's hash is written down: a row of the table in all-formats.ts. Hashes that users bring
 * along from elsewhere (Django's) are further rows; new ones are made in the first row's format alone.
 */
export interface PasswordFormat {
  /** What every hash of this format begins with, and none of another one. */
  readonly prefix: string
  /**
   * Reads a stored hash without computing anything. Undefined when it is malformed or asks for more work than this format
   * may: it came from a database, perhaps not written by us, and must not be able to ask for a terabyte or for a year.
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
  matches(password: Buffer, slow: SlowFunctions): Promise<boolean>
}

/** The functions that hashes are made with. Formats are given them, so that reading a hash loads none of them. */
export interface SlowFunctions {
  argon2(password: Buffer, options: Argon2Options): Promise<Buffer>
  /** PBKDF2 with HMAC (RFC 8018 §5.2). */
  pbkdf2(password: Buffer, options: Pbkdf2Options): Promise<Buffer>
  /** RFC 7914. */
  scrypt(password: Buffer, options: ScryptOptions): Promise<Buffer>
  /**
   * bcrypt of the password's first 72 bytes.
   * @param setting `$2b$`, cost, `$` and 22 characters of salt
   * @returns the setting and 31 characters of hash
   */
  bcrypt(password: string, setting: string): Promise<string>
}

/** The cost of one argon2 computation (RFC 9106 §3.1), with the names it has in the stored string. */
export interface Argon2Cost {
  /** Memory, in KiB. */
  readonly m: number
  /** Passes over the memory. */
  readonly t: number
  /** Lanes. */
  readonly p: number
}

export interface Argon2Options extends Argon2Cost {
  readonly variety: 'argon2id' | 'argon2i'
  /** 0x10 is of 2015, 0x13 the one of the RFC. */
  readonly version: 0x10 | 0x13
  readonly salt: Buffer
  readonly length: number
}

export interface Pbkdf2Options {
  readonly digest: 'sha256' | 'sha1'
  readonly iterations: number
  readonly salt: Buffer
  readonly length: number
}

export interface ScryptOptions {
  readonly N: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly length: number
  /** More than this it must not take. */
  readonly memoryBytes: number
}

/**
 * The most memory that one hash may take. Django's argon2 takes 100 MiB; what all children take together is bounded by this
 * times `KEYTURN_HASH_CONCURRENCY`.
 */
export const MAX_MEMORY_KIB = 128 * 1024

import { type Argon2Cost, type Argon2Options, MAX_MEMORY_KIB } from './password-format.ts'

/** What an argon2 string says. */
export interface Argon2String extends Pick<Argon2Options, 'variety' | 'version'> {
  readonly cost: Argon2Cost
  readonly salt: Buffer
  readonly hash: Buffer
}

/** RFC 9106 §3.1 wants 8 KiB a lane; ten passes over the most memory that is allowed take a few seconds. */
const MIN_MEMORY_KIB_PER_LANE = 8
const MAX_PASSES = 10
const MAX_LANES = 16
/** RFC 9106 §3.1: a salt of at least 8 bytes; the reference code's tests use 8. A hash below 16 could be guessed. */
const SALT_RANGE = { least: 8, most: 64 }
const HASH_RANGE = { least: 16, most: 64 }

/**
 * The reference implementation's string (its `encode_string`); numbers have no leading zero, Base64 no padding. Before
 * version 0x13 it named no version.
 */
const ENCODED =
  /^\$(argon2id|argon2i)(?:\$v=(16|19))?\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]{1,100})\$([A-Za-z0-9+/]{1,100})$/

/** Reads `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Undefined where it is malformed or beyond a limit. */
export function parseArgon2(stored: string): Argon2String | undefined {
  const [, variety, version, m, t, p, salt64 = '', hash64 = ''] = ENCODED.exec(stored) ?? []
  const cost = { m: Number(m), t: Number(t), p: Number(p) }
  const salt = Buffer.from(salt64, 'base64')
  const hash = Buffer.from(hash64, 'base64')
  const fits =
    cost.m <= MAX_MEMORY_KIB &&
    cost.m >= MIN_MEMORY_KIB_PER_LANE * cost.p &&
    cost.t <= MAX_PASSES &&
    cost.p <= MAX_LANES &&
    isWithin(salt.length, SALT_RANGE) &&
    isWithin(hash.length, HASH_RANGE)
  if (!fits) return undefined
  return {
    variety: variety === 'argon2id' ? 'argon2id' : 'argon2i',
    version: version === '19' ? 0x13 : 0x10,
    cost,
    salt,
    hash,
  }
}

function isWithin(value: number, { least, most }: { least: number; most: number }): boolean {
  return value >= least && value <= most
}

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { argon2id as ARGON2ID, hash as argon2 } from 'argon2'
import { MAX_MEMORY_KIB, type PasswordFormat } from './password-format.ts'

/** The cost of one argon2id computation (RFC 9106 §3.1), with the names it has in the stored string. */
export interface Argon2Cost {
  /** Memory, in KiB. */
  readonly m: number
  /** Passes over the memory. */
  readonly t: number
  /** Lanes. */
  readonly p: number
}

/** Computes argon2id, version 0x13. */
export type Argon2 = (
  password: Buffer,
  options: Argon2Cost & { salt: Buffer; length: number },
) => Promise<Buffer>

/** OWASP's Password Storage Cheat Sheet, second choice: 19 MiB, two passes; about 50 ms of one core. */
export const CURRENT_COST: Argon2Cost = { m: 19_456, t: 2, p: 1 }
const SALT_BYTES = 16
const HASH_BYTES = 32

/** RFC 9106 §3.1 wants 8 KiB a lane; ten passes over the most memory that is allowed take a few seconds. */
const MIN_MEMORY_KIB_PER_LANE = 8
const MAX_PASSES = 10
const MAX_LANES = 16
/** RFC 9106 §3.1: a salt of at least 8 bytes; the reference code's tests use 8. A hash below 16 could be guessed. */
const SALT_RANGE = { least: 8, most: 64 }
const HASH_RANGE = { least: 16, most: 64 }

/** The reference implementation's string (its `encode_string`); numbers have no leading zero, Base64 no padding. */
const ENCODED =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]{1,100})\$([A-Za-z0-9+/]{1,100})$/

/** The real thing. */
export const computeArgon2: Argon2 = (password, { m, t, p, salt, length }) =>
  argon2(password, {
    raw: true,
    type: ARGON2ID,
    version: 0x13,
    memoryCost: m,
    timeCost: t,
    parallelism: p,
    salt,
    hashLength: length,
  })

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash`: what we write, and what we accept with any cost within the limits. */
export function argon2idFormat(compute: Argon2): PasswordFormat {
  return {
    prefix: '$argon2id$',
    read(stored) {
      const parts = parse(stored)
      if (parts === undefined) return undefined
      const { cost, salt, hash } = parts
      return {
        memoryKiB: cost.m,
        isCurrent:
          encodeCost(cost) === encodeCost(CURRENT_COST) &&
          salt.length >= SALT_BYTES &&
          hash.length >= HASH_BYTES,
        async matches(password) {
          return timingSafeEqual(hash, await compute(password, { ...cost, salt, length: hash.length }))
        },
      }
    },
  }
}

/** Hashes a new password at the current cost, with a salt of its own. */
export async function hashArgon2id(password: Buffer, compute: Argon2): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return encode(salt, await compute(password, { ...CURRENT_COST, salt, length: HASH_BYTES }))
}

/** A hash at the current cost that no password has: checking one against it costs what a real check does. */
export function impossibleArgon2id(): string {
  return encode(randomBytes(SALT_BYTES), randomBytes(HASH_BYTES))
}

function parse(stored: string): { cost: Argon2Cost; salt: Buffer; hash: Buffer } | undefined {
  const [, m, t, p, salt64 = '', hash64 = ''] = ENCODED.exec(stored) ?? []
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
  return fits ? { cost, salt, hash } : undefined
}

function isWithin(value: number, { least, most }: { least: number; most: number }): boolean {
  return value >= least && value <= most
}

function encode(salt: Buffer, hash: Buffer): string {
  return `$argon2id$v=19$${encodeCost(CURRENT_COST)}$${base64(salt)}$${base64(hash)}`
}

function encodeCost({ m, t, p }: Argon2Cost): string {
  return `m=${m},t=${t},p=${p}`
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

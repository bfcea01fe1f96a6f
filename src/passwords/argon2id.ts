import { randomBytes, timingSafeEqual } from 'node:crypto'
import { parseArgon2 } from './argon2-string.ts'
import type { Argon2Cost, PasswordFormat, SlowFunctions } from './password-format.ts'

/** OWASP's Password Storage Cheat Sheet, second choice: 19 MiB, two passes; about 50 ms of one core. */
export const CURRENT_COST: Argon2Cost = { m: 19_456, t: 2, p: 1 }
const SALT_BYTES = 16
const HASH_BYTES = 32
const CURRENT = { variety: 'argon2id', version: 0x13 } as const

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash`: what we write, and what we accept with any cost within the limits. */
export const argon2idFormat: PasswordFormat = {
  prefix: '$argon2id$',
  read(stored) {
    const parts = parseArgon2(stored)
    if (parts?.version !== CURRENT.version) return undefined
    const { cost, salt, hash } = parts
    return {
      memoryKiB: cost.m,
      isCurrent:
        encodeCost(cost) === encodeCost(CURRENT_COST) &&
        salt.length >= SALT_BYTES &&
        hash.length >= HASH_BYTES,
      async matches(password, { argon2 }) {
        const options = { ...CURRENT, ...cost, salt, length: hash.length }
        return timingSafeEqual(hash, await argon2(password, options))
      },
    }
  },
}

/** Hashes a new password at the current cost, with a salt of its own. */
export async function hashArgon2id(password: Buffer, { argon2 }: SlowFunctions): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return encode(salt, await argon2(password, { ...CURRENT, ...CURRENT_COST, salt, length: HASH_BYTES }))
}

/** A hash at the current cost that no password has: checking one against it costs what a real check does. */
export function impossibleArgon2id(): string {
  return encode(randomBytes(SALT_BYTES), randomBytes(HASH_BYTES))
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

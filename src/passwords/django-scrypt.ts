import { timingSafeEqual } from 'node:crypto'
import { canonicalBase64 } from './canonical-base64.ts'
import { MAX_MEMORY_KIB, type PasswordFormat } from './password-format.ts'

const PREFIX = 'scrypt$'
const HASH_BYTES = 64
/** Django 5.1 and later compute N·r·p = 16,384 · 8 · 5; so much is 25 times that, about six seconds. */
const MAX_WORK = 2 ** 24

/** `scrypt$<N>$<salt>$<r>$<p>$<Base64>`: the salt stands before r and p. Django from 4.0 on. */
const ENCODED = /^([1-9]\d{0,8})\$([^$]{1,128})\$([1-9]\d{0,4})\$([1-9]\d{0,4})\$([A-Za-z0-9+/]{1,88}={0,2})$/

/** Django's scrypt, with 64 bytes of hash. */
export const djangoScryptFormat: PasswordFormat = {
  prefix: PREFIX,
  read(stored) {
    const [, cost, salt = '', blockSize, parallelism, base64 = ''] =
      ENCODED.exec(stored.slice(PREFIX.length)) ?? []
    const [N, r, p] = [Number(cost), Number(blockSize), Number(parallelism)]
    const hash = canonicalBase64(base64, HASH_BYTES)
    if (hash === undefined || !isPossibleCost(N, r) || N * r * p > MAX_WORK) return undefined
    // RFC 7914 §6: N blocks of 128·r bytes, p more of them, and two to work with.
    const memoryBytes = 128 * r * (N + p + 2)
    const memoryKiB = Math.ceil(memoryBytes / 1024)
    if (memoryKiB > MAX_MEMORY_KIB) return undefined
    return {
      memoryKiB,
      isCurrent: false,
      async matches(password, { scrypt }) {
        const options = { N, r, p, salt: Buffer.from(salt), length: HASH_BYTES, memoryBytes }
        return timingSafeEqual(hash, await scrypt(password, options))
      },
    }
  },
}

/** RFC 7914 §2: N is larger than 1, a power of 2 and below 2^(128·r/8); OpenSSL refuses others. */
function isPossibleCost(N: number, r: number): boolean {
  return N > 1 && (N & (N - 1)) === 0 && N < 2 ** (16 * r)
}

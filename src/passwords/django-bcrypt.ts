import { createHash, timingSafeEqual } from 'node:crypto'
import type { PasswordFormat } from './password-format.ts'

/** Django's is 12; each step doubles the work. Sixteen takes about six seconds. */
const COST_RANGE = { least: 4, most: 16 }

/** What bcrypt itself writes, in any of its versions that compute the same: `2x` marks hashes of a broken program. */
const ENCODED = /^(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{22})[./A-Za-z0-9]{31}$/

/**
 * `bcrypt_sha256$$2b$12$…`: bcrypt of SHA-256 in 64 hexadecimal digits, so that every byte of a long password counts. The
 * two `$` are Django's separator and bcrypt's own.
 */
export const djangoBcryptSha256Format = bcryptFormat('bcrypt_sha256$', (password) =>
  createHash('sha256').update(password).digest('hex'),
)

/**
 * `bcrypt$$2b$12$…`: bcrypt of the password, of which it takes 72 bytes, as it did when the hash was made. bcrypt in C ends
 * at NUL, and so Django refuses it: no password has one.
 */
export const djangoBcryptFormat = bcryptFormat('bcrypt$', (password) =>
  password.includes(0) ? undefined : password.toString(),
)

function bcryptFormat(prefix: string, textOf: (password: Buffer) => string | undefined): PasswordFormat {
  return {
    prefix,
    read(stored) {
      const encoded = stored.slice(prefix.length)
      const [, setting, digits] = ENCODED.exec(encoded) ?? []
      const cost = Number(digits)
      if (setting === undefined || !(cost >= COST_RANGE.least && cost <= COST_RANGE.most)) return undefined
      return {
        memoryKiB: 0,
        isCurrent: false,
        async matches(password, { bcrypt }) {
          const text = textOf(password)
          const computed = await bcrypt(text ?? '', setting)
          return text !== undefined && timingSafeEqual(Buffer.from(computed), Buffer.from(encoded))
        },
      }
    },
  }
}

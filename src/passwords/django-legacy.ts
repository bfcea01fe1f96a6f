import { createHash, timingSafeEqual } from 'node:crypto'
import crypt from 'unix-crypt-td-js'
import type { PasswordFormat } from './password-format.ts'

/**
 * What an import puts in front of a hash of Django's oldest formats, where the operator has asked for them by name. Without
 * it such a hash is unusable: one round of MD5 or SHA-1 in the database is as good as the password itself.
 */
export const LEGACY_PREFIX = 'legacy$'

/** Each is one digest of salt and password; in Django an unsalted MD5 may also stand alone. */
const FORMATS = [
  ['md5', /^md5\$([^$]{0,128})\$([0-9a-f]{32})$/],
  ['md5', /^()([0-9a-f]{32})$/],
  ['sha1', /^sha1\$([^$]{0,128})\$([0-9a-f]{40})$/],
] as const

/** DES crypt(3), of eight characters at most; the first two characters are the salt. */
const CRYPT = /^crypt\$\$([./0-9A-Za-z]{13})$/

/** `md5$salt$hex`, `sha1$salt$hex`, `crypt$$…`, and the first two without a salt, behind `LEGACY_PREFIX`. */
export const djangoLegacyFormat: PasswordFormat = {
  prefix: LEGACY_PREFIX,
  read(stored) {
    const encoded = stored.slice(LEGACY_PREFIX.length)
    for (const [digest, pattern] of FORMATS) {
      const [, salt, hex] = pattern.exec(encoded) ?? []
      if (salt === undefined || hex === undefined) continue
      return {
        memoryKiB: 0,
        isCurrent: false,
        async matches(password) {
          const computed = createHash(digest).update(salt).update(password).digest()
          return timingSafeEqual(Buffer.from(hex, 'hex'), computed)
        },
      }
    }
    const [, hash] = CRYPT.exec(encoded) ?? []
    if (hash === undefined) return undefined
    return {
      memoryKiB: 0,
      isCurrent: false,
      async matches(password) {
        const computed = crypt(Buffer.from(password), hash.slice(0, 2))
        return timingSafeEqual(Buffer.from(hash), Buffer.from(computed))
      },
    }
  },
}

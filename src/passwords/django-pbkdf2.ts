import { timingSafeEqual } from 'node:crypto'
import { canonicalBase64 } from './canonical-base64.ts'
import type { PasswordFormat, Pbkdf2Options } from './password-format.ts'

/** Django 6.2 makes 1,800,000; so many take about three seconds, and nobody is known to ask for that. */
const MAX_ITERATIONS = 10_000_000

/** Django's salts are 22 letters and digits; an application may choose others. The salt is its text, not decoded. */
const ENCODED = /^([1-9]\d{0,7})\$([^$]{1,128})\$([A-Za-z0-9+/]{1,64}={0,2})$/

/** `pbkdf2_sha256$<iterations>$<salt>$<Base64>`, Django's default since 1.4. */
export const djangoPbkdf2Sha256Format = pbkdf2Format('pbkdf2_sha256$', 'sha256', 32)

/** `pbkdf2_sha1$…`. */
export const djangoPbkdf2Sha1Format = pbkdf2Format('pbkdf2_sha1$', 'sha1', 20)

function pbkdf2Format(prefix: string, digest: Pbkdf2Options['digest'], length: number): PasswordFormat {
  return {
    prefix,
    read(stored) {
      const [, count, salt = '', base64 = ''] = ENCODED.exec(stored.slice(prefix.length)) ?? []
      const iterations = Number(count)
      const hash = canonicalBase64(base64, length)
      if (hash === undefined || !(iterations <= MAX_ITERATIONS)) return undefined
      return {
        memoryKiB: 0,
        isCurrent: false,
        async matches(password, { pbkdf2 }) {
          const options = { digest, iterations, salt: Buffer.from(salt), length }
          return timingSafeEqual(hash, await pbkdf2(password, options))
        },
      }
    },
  }
}

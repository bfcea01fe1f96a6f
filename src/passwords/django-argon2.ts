import { timingSafeEqual } from 'node:crypto'
import { parseArgon2 } from './argon2-string.ts'
import type { PasswordFormat } from './password-format.ts'

const ALGORITHM = 'argon2'

/**
 * Django's `argon2$argon2id$v=19$m=102400,t=2,p=8$salt$hash`: the argon2 string behind Django's name for it. Django before
 * 3.2 wrote `argon2i`, old versions of its library 16 bytes of hash, and the oldest no version.
 */
export const djangoArgon2Format: PasswordFormat = {
  prefix: `${ALGORITHM}$`,
  read(stored) {
    const parts = parseArgon2(stored.slice(ALGORITHM.length))
    if (parts === undefined) return undefined
    const { variety, version, cost, salt, hash } = parts
    return {
      memoryKiB: cost.m,
      isCurrent: false,
      async matches(password, { argon2 }) {
        const options = { variety, version, ...cost, salt, length: hash.length }
        return timingSafeEqual(hash, await argon2(password, options))
      },
    }
  },
}

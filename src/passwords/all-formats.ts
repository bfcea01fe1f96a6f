import { argon2idFormat } from './argon2id.ts'
import { djangoArgon2Format } from './django-argon2.ts'
import { djangoBcryptFormat, djangoBcryptSha256Format } from './django-bcrypt.ts'
import { djangoLegacyFormat } from './django-legacy.ts'
import { djangoPbkdf2Sha1Format, djangoPbkdf2Sha256Format } from './django-pbkdf2.ts'
import { djangoScryptFormat } from './django-scrypt.ts'
import { MAX_MEMORY_KIB, type PasswordFormat, type StoredHash } from './password-format.ts'

/** Every format that is accepted. All but the first are brought along from Django and replaced at the first login. */
const FORMATS: readonly PasswordFormat[] = [
  argon2idFormat,
  djangoPbkdf2Sha256Format,
  djangoPbkdf2Sha1Format,
  djangoArgon2Format,
  djangoBcryptSha256Format,
  djangoBcryptFormat,
  djangoScryptFormat,
  djangoLegacyFormat,
]

/** What Django puts in front of forty random characters where a user has no password. */
const NO_PASSWORD_MARK = '!'

/** Reads a stored hash of any format. Undefined where no password can fit it: unknown, malformed, or asking for too much. */
export function readHash(stored: string): StoredHash | undefined {
  const hash = FORMATS.find(({ prefix }) => stored.startsWith(prefix))?.read(stored)
  return hash !== undefined && hash.memoryKiB <= MAX_MEMORY_KIB ? hash : undefined
}

/** Whether a stored hash says, as Django writes it, that this user has no password. */
export function saysNoPassword(stored: string): boolean {
  return stored.startsWith(NO_PASSWORD_MARK)
}

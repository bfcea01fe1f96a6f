import { scrypt as nodeScrypt, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { argon2i as ARGON2I, argon2id as ARGON2ID, hash as argon2 } from 'argon2'
import { hash as bcrypt } from 'bcryptjs'
import type { SlowFunctions } from './password-format.ts'

const derivePbkdf2 = promisify(pbkdf2)

/** The real ones. Only the hash process imports this: each keeps a core busy for as long as it takes. */
export const slowFunctions: SlowFunctions = {
  argon2: (password, { variety, version, m, t, p, salt, length }) =>
    argon2(password, {
      raw: true,
      type: variety === 'argon2id' ? ARGON2ID : ARGON2I,
      version,
      memoryCost: m,
      timeCost: t,
      parallelism: p,
      salt,
      hashLength: length,
    }),

  pbkdf2: (password, { digest, iterations, salt, length }) =>
    derivePbkdf2(password, salt, iterations, length, digest),

  scrypt: (password, { N, r, p, salt, length, memoryBytes }) =>
    new Promise((resolve, reject) => {
      nodeScrypt(password, salt, length, { N, r, p, maxmem: memoryBytes }, (error, key) => {
        if (error === null) resolve(key)
        else reject(error)
      })
    }),

  bcrypt: (password, setting) => bcrypt(password, setting),
}

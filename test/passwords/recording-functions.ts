import type {
  Argon2Options,
  Pbkdf2Options,
  ScryptOptions,
  SlowFunctions,
} from '../../src/passwords/password-format.ts'

/** What hashes would have been computed. */
export interface Asked {
  readonly argon2: Argon2Options[]
  readonly pbkdf2: Pbkdf2Options[]
  readonly scrypt: ScryptOptions[]
  readonly bcrypt: { password: string; setting: string }[]
}

/** Slow functions that remember what they are asked for and compute nothing. */
export function recordingFunctions(): { slow: SlowFunctions; asked: Asked } {
  const asked: Asked = { argon2: [], pbkdf2: [], scrypt: [], bcrypt: [] }
  const slow: SlowFunctions = {
    async argon2(_password, options) {
      asked.argon2.push(options)
      return Buffer.alloc(options.length)
    },
    async pbkdf2(_password, options) {
      asked.pbkdf2.push(options)
      return Buffer.alloc(options.length)
    },
    async scrypt(_password, options) {
      asked.scrypt.push(options)
      return Buffer.alloc(options.length)
    },
    async bcrypt(password, setting) {
      asked.bcrypt.push({ password, setting })
      return setting.padEnd(60, '.')
    },
  }
  return { slow, asked }
}

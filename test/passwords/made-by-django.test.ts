import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { LEGACY_PREFIX } from '../../src/passwords/django-legacy.ts'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { debianPython } from '../support/debian-python.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { withOneBitChanged } from './django-vectors.ts'

interface MadeHash {
  readonly format: string
  readonly password: string
  readonly hash: string
}

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython(['python3-django', 'python3-argon2', 'python3-bcrypt'])),
  stop: async () => {},
}))

const FORMATS = [
  'pbkdf2_sha256',
  'pbkdf2_sha1',
  'argon2',
  'bcrypt_sha256',
  'bcrypt',
  'scrypt',
  'md5',
  'sha1',
  'unsalted_md5',
  'unsalted_sha1',
]
const LEGACY = ['md5', 'sha1', 'unsalted_md5', 'unsalted_sha1', 'crypt']

/** Fifteen characters more: nobody's password, and another one in each run. */
function random(alphabet: string): string {
  const characters = [...alphabet]
  return Array.from({ length: 15 }, () => characters[randomInt(characters.length)]).join('')
}

const PASSWORDS = [
  random('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'),
  random('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'),
  random('äöüÄÖÜßéèçñ'),
  random('😀🔑👩‍🚀🏳️‍🌈漢字'),
  ` ${random('a b')}  `,
  `\t${random('ab')}\n`,
  random('ab').padEnd(100, 'x'),
  random('äö').padEnd(100, 'ü'),
  random('a').padEnd(72, 'b'),
  random('a').padEnd(71, 'b').concat('ü'),
  'e\u0301'.repeat(4) + random('ab'),
]

/** As the real Django's hashers make them, with little work each. */
async function madeByDjango(): Promise<readonly MadeHash[]> {
  const { program, environment } = await python()
  const script = fileURLToPath(new URL('./make-django-hashes.py', import.meta.url))
  const { error, status, stdout, stderr } = spawnSync(program, ['-B', script], {
    env: { PATH: process.env['PATH'], ...environment },
    input: JSON.stringify({ cheap: true, passwords: PASSWORDS }),
    encoding: 'utf8',
  })
  if (error) throw error
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

describe('hashes that a real Django has just made', () => {
  const { verify } = passwordHashing()
  let made: readonly MadeHash[]
  before(async () => {
    made = await madeByDjango()
  })

  /** As they are in our database. */
  function stored({ format, hash }: MadeHash): string {
    return LEGACY.includes(format) ? LEGACY_PREFIX + hash : hash
  }

  for (const format of FORMATS) {
    it(`of ${format}: each fits its password, and neither another password nor with a bit changed`, async () => {
      const hashes = made.filter((hash) => hash.format === format)
      expect(new Set(hashes.map(({ password }) => password))).to.deep.equal(new Set(PASSWORDS))
      for (const hash of hashes) {
        const { password } = hash
        const name = `${JSON.stringify(password)} ${hash.hash}`
        expect(await verify(password, stored(hash)), name).to.deep.equal({ outcome: 'match', rehash: true })
        for (const [wrong, against] of [
          [`!${password}`, stored(hash)],
          [password.slice(1), stored(hash)],
          [password, withOneBitChanged(stored(hash))],
        ] as const) {
          expect(await verify(wrong, against), name).to.deep.equal({ outcome: 'mismatch' })
        }
      }
    })
  }

  it('of crypt: each fits its password, of which eight bytes count, and no other beginning or hash', async () => {
    const hashes = made.filter(({ format }) => format === 'crypt')
    expect(hashes).to.have.length(PASSWORDS.length)
    for (const hash of hashes) {
      const matches = { outcome: 'match', rehash: true }
      expect(await verify(hash.password, stored(hash)), hash.hash).to.deep.equal(matches)
      expect(await verify(`${hash.password}!`, stored(hash)), hash.hash).to.deep.equal(matches)
      for (const [wrong, against] of [
        [`!${hash.password}`, stored(hash)],
        [hash.password, withOneBitChanged(stored(hash))],
      ] as const)
        expect(await verify(wrong, against), hash.hash).to.deep.equal({ outcome: 'mismatch' })
    }
  })

  it('of bcrypt 72 bytes count, in Django as here; of all others but crypt every one', async () => {
    const others = made.filter(({ format }) => format !== 'crypt')
    const isLong = (password: string) => Buffer.byteLength(password) > 72
    for (const hash of others.filter(({ password }) => isLong(password))) {
      const outcome = hash.format === 'bcrypt' ? 'match' : 'mismatch'
      const answer = await verify(`${hash.password}!`, stored(hash))
      expect(answer, hash.hash).to.have.property('outcome', outcome)
    }
    for (const hash of others.filter(({ password, format }) => format !== 'none' && !isLong(password))) {
      const answer = await verify(`${hash.password}!`, stored(hash))
      const isFull = hash.format === 'bcrypt' && Buffer.byteLength(hash.password) === 72
      expect(answer, hash.hash).to.have.property('outcome', isFull ? 'match' : 'mismatch')
    }
  })

  it('the unusable password that Django makes lets nobody in', async () => {
    const [none] = made.filter(({ format }) => format === 'none')
    expect(none?.hash).to.match(/^![A-Za-z0-9]{40}$/)
    for (const password of ['', none?.hash ?? '', 'anything']) {
      expect(await verify(password, none?.hash)).to.deep.equal({ outcome: 'unusable' })
    }
  })
})

import { expect } from 'chai'
import { CURRENT_COST } from '../../src/passwords/argon2id.ts'
import { LEGACY_PREFIX } from '../../src/passwords/django-legacy.ts'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { AT_DJANGOS_SETTINGS, CHEAP, LEGACY, withOneBitChanged } from './django-vectors.ts'
import { recordingFunctions } from './recording-functions.ts'

const { verify } = passwordHashing()

const MATCH = { outcome: 'match', rehash: true }
const MISMATCH = { outcome: 'mismatch' }
const UNUSABLE = { outcome: 'unusable' }

const HASH_32 = 'UJ3di563Bi9wY8q2FnvvfiAGOhmrzObUcq4su1bejro='
const HASH_20 = 'GR9ljXZ9+6huqO0mVo6acYXt7fI='
const HASH_64 = 'xMyS63f8h/fMS0NUZcl+rBnjb3JHsYCYGC9Gmlogpk9d7WSt+BJ9/ccSuMkzpSJxhKtjStUfmMtd1DEV/66O1w=='
const BCRYPT = 'XqSDnnjuNqUoqhIy5Sktr.p8Ni8SmhrYoIbynNnhRy/qS5KOsfBq.'

describe("Django's password hashes", () => {
  for (const { from, password, stored } of [...AT_DJANGOS_SETTINGS, ...CHEAP, ...LEGACY]) {
    it(`one of ${from} is accepted, and to be hashed anew: ${stored.slice(0, 40)}`, async () => {
      expect(await verify(password, stored)).to.deep.equal(MATCH)
    })
  }

  // Of crypt eight bytes count: made-by-django.test.ts.
  const whole = [...CHEAP, ...LEGACY].filter(({ stored }) => !stored.startsWith('legacy$crypt'))
  for (const { from, password, stored } of whole) {
    it(`one of ${from} fits no other password, and no other hash this one: ${stored.slice(0, 40)}`, async () => {
      for (const other of [
        password.slice(0, -2),
        `${password} `,
        password.toLowerCase(),
        password.trim(),
        '',
      ]) {
        if (other !== password) expect(await verify(other, stored), other).to.deep.equal(MISMATCH)
      }
      for (const fromEnd of [5, 10, 16]) {
        const changed = withOneBitChanged(stored, fromEnd)
        expect(changed).to.not.equal(stored)
        expect(await verify(password, changed), changed).to.deep.equal(MISMATCH)
      }
    })
  }

  it('PHP and older libraries call the same bcrypt 2y and 2a', async () => {
    for (const version of ['2a', '2y']) {
      const stored = `bcrypt$$${version}$04$${BCRYPT}`
      expect(await verify('Pass Wörd 🔑', stored), version).to.deep.equal(MATCH)
      expect(await verify('Pass Word 🔑', stored), version).to.deep.equal(MISMATCH)
    }
  })

  it('of bcrypt 72 bytes count, as when it was made; of bcrypt_sha256 every one', async () => {
    const { slow, asked } = recordingFunctions()
    const long = 'é'.repeat(100)
    await passwordHashing(slow).verify(long, `bcrypt$$2b$04$${BCRYPT}`)
    await passwordHashing(slow).verify(long, `bcrypt_sha256$$2b$04$${BCRYPT}`)
    expect(asked.bcrypt.map(({ password }) => password)).to.deep.equal([
      long,
      'f42ec48e1e4b487e590e0b3d4e58437c8327efa855d769709f4942a4f73a7eb6',
    ])
  })

  it('bcrypt ends at NUL in C: a password with one fits nothing', async () => {
    expect(await verify('Pass Wörd 🔑\0', `bcrypt$$2b$04$${BCRYPT}`)).to.deep.equal(MISMATCH)
    expect(await verify('\0', `bcrypt$$2b$04$${BCRYPT}`)).to.deep.equal(MISMATCH)
  })

  it('the oldest formats are unusable where the import did not let them in', async () => {
    for (const { password, stored } of LEGACY) {
      expect(await verify(password, stored.slice(LEGACY_PREFIX.length)), stored).to.deep.equal(UNUSABLE)
    }
  })

  it("S-104 a user without a password, in Django's words, costs what a wrong password does", async () => {
    const { slow, asked } = recordingFunctions()
    const stored = '!Xkby1GWQIgeoXybtpWG9jBdnBXnMkNZvI6oRs0If'
    for (const password of ['anything', stored, stored.slice(1), '!']) {
      expect(await passwordHashing(slow).verify(password, stored)).to.deep.equal(UNUSABLE)
    }
    expect(asked.argon2.map(({ m, t, p }) => ({ m, t, p }))).to.deep.equal(Array(4).fill(CURRENT_COST))
  })

  const LIMITS = [
    `pbkdf2_sha256$10000000$salt$${HASH_32}`,
    `pbkdf2_sha256$1$${'s'.repeat(128)}$${HASH_32}`,
    `pbkdf2_sha1$10000000$salt$${HASH_20}`,
    `scrypt$65536$salt$8$32$${HASH_64}`,
    `scrypt$2$salt$1$1$${HASH_64}`,
    `bcrypt$$2b$16$${BCRYPT}`,
    `argon2$argon2i$v=19$m=131072,t=10,p=16$YWRXZVhkQ1RSUTA4$x01QD75e/+b7P9gpqRhU8A`,
  ]
  for (const stored of LIMITS) {
    it(`S-112 the limits themselves are accepted: ${stored.slice(0, 40)}`, async () => {
      const { slow, asked } = recordingFunctions()
      expect(await passwordHashing(slow).verify('password', stored)).to.deep.equal(MISMATCH)
      expect(Object.values(asked).flat()).to.have.length(1)
    })
  }

  const BEYOND: Readonly<Record<string, string>> = {
    'more iterations than the limit': `pbkdf2_sha256$10000001$salt$${HASH_32}`,
    'iterations for a year': `pbkdf2_sha256$99999999999999999999$salt$${HASH_32}`,
    'no iterations': `pbkdf2_sha256$0$salt$${HASH_32}`,
    'a negative number of iterations': `pbkdf2_sha1$-1$salt$${HASH_20}`,
    'iterations with a leading zero': `pbkdf2_sha256$01000$salt$${HASH_32}`,
    'iterations in hexadecimal': `pbkdf2_sha256$0x10$salt$${HASH_32}`,
    'no salt': `pbkdf2_sha256$1000$$${HASH_32}`,
    'a salt without end': `pbkdf2_sha256$1000$${'s'.repeat(129)}$${HASH_32}`,
    'a hash of another length': `pbkdf2_sha256$1000$salt$${HASH_20}`,
    'a hash in other Base64': `pbkdf2_sha256$1000$salt$${HASH_32.replace('=', '')}`,
    'bits that Base64 does not use': `pbkdf2_sha256$1000$salt$${HASH_32.replace('o=', 'p=')}`,
    'a line break behind it': `pbkdf2_sha256$1000$salt$${HASH_32}\n`,
    'an algorithm of that family that is not one of Django': `pbkdf2_sha512$1000$salt$${HASH_32}`,
    'an argon2d, which Django never made': CHEAP[3]?.stored.replace('argon2i', 'argon2d') ?? '',
    'argon2 twice': `argon2$argon2$argon2id$v=19$m=64,t=1,p=2$aHhmZTVXcUl0U1lQRG1hbkM3QTZ4Mg$DL4vSIKH0IbDxckN7HTlAQ`,
    'a terabyte for argon2': `argon2$argon2id$v=19$m=1073741824,t=1,p=2$aHhmZTVXcUl0$DL4vSIKH0IbDxckN7HTlAQ`,
    'a bcrypt cost above the limit': `bcrypt$$2b$17$${BCRYPT}`,
    'a bcrypt cost below what bcrypt has': `bcrypt$$2b$03$${BCRYPT}`,
    'a bcrypt cost of one digit': `bcrypt$$2b$4$${BCRYPT}`,
    'the broken bcrypt': `bcrypt$$2x$04$${BCRYPT}`,
    'a bcrypt of unknown version': `bcrypt_sha256$$2c$04$${BCRYPT}`,
    'a bcrypt that is too short': `bcrypt$$2b$04$${BCRYPT.slice(1)}`,
    'a bcrypt with one dollar': `bcrypt$2b$04$${BCRYPT}`,
    'a bcrypt of no Django': `$2b$04$${BCRYPT}`,
    'more memory for scrypt than the limit': `scrypt$131072$salt$8$1$${HASH_64}`,
    'more work for scrypt than the limit': `scrypt$65536$salt$8$33$${HASH_64}`,
    'a terabyte for scrypt': `scrypt$536870912$salt$99999$99999$${HASH_64}`,
    'an N that is no power of two': `scrypt$16383$salt$8$1$${HASH_64}`,
    'an N of 1': `scrypt$1$salt$8$1$${HASH_64}`,
    'an N beyond what RFC 7914 allows for its r': `scrypt$65536$salt$1$1$${HASH_64}`,
    'scrypt with the salt last': `scrypt$16384$8$1$salt$${HASH_64}`,
    'a DES crypt that is too short': 'legacy$crypt$$ab1rXl4K7gGN',
    'a crypt of another kind': 'legacy$crypt$$$1$abcdefgh$ab1rXl4K7gGN2',
    'upper-case MD5': 'legacy$md5$salt$34FF1A38686F10629CE157DF8A4BCBD7',
    'an MD5 that is too long': 'legacy$md5$salt$34ff1a38686f10629ce157df8a4bcbd7ab',
    'the mark of legacy hashes alone': 'legacy$',
    'the mark of legacy hashes twice': `legacy$${LEGACY[0]?.stored}`,
    'the mark of legacy hashes before a good one': `legacy$${CHEAP[0]?.stored}`,
  }
  for (const [name, stored] of Object.entries(BEYOND)) {
    it(`S-112 a stored hash with ${name} is unusable, and nothing is computed at its cost`, async () => {
      const { slow, asked } = recordingFunctions()
      expect(await passwordHashing(slow).verify('password', stored)).to.deep.equal(UNUSABLE)
      expect(asked).to.deep.include({ pbkdf2: [], scrypt: [], bcrypt: [] })
      expect(asked.argon2.map(({ m, t, p }) => ({ m, t, p }))).to.deep.equal([CURRENT_COST])
    })
  }

  const LEAST = [
    `pbkdf2_sha256$1$s$${HASH_32}`,
    `scrypt$2$s$1$1$${HASH_64}`,
    `scrypt$32768$s$1$1$${HASH_64}`,
    `scrypt$2$s$1$99999$${HASH_64}`,
    `argon2$argon2i$m=8,t=1,p=1$YWRXZVhkQ1RSUTA4$x01QD75e/+b7P9gpqRhU8A`,
  ]
  for (const stored of LEAST) {
    it(`what is accepted can be computed: ${stored.slice(0, 40)}`, async () => {
      expect(await verify('password', stored)).to.deep.equal(MISMATCH)
    })
  }
})

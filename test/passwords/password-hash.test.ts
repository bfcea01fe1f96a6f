import { hash as argon2, argon2id } from 'argon2'
import { expect } from 'chai'
import { CURRENT_COST } from '../../src/passwords/argon2id.ts'
import type { Argon2Cost } from '../../src/passwords/password-format.ts'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { slowFunctions } from '../../src/passwords/slow-functions.ts'
import { recordingFunctions } from './recording-functions.ts'

const { hash, verify } = passwordHashing()

/** Counts computations and remembers their cost; computes nothing. */
function recorder(): { slow: typeof slowFunctions; costs: () => Argon2Cost[] } {
  const { slow, asked } = recordingFunctions()
  return { slow, costs: () => asked.argon2.map(({ m, t, p }) => ({ m, t, p })) }
}

const SALT = 'c29tZXNhbHQ'
const TAG = 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'

describe('password hashes', () => {
  // src/test.c of the reference implementation (P-H-C/phc-winner-argon2), "Argon2id", version 0x13.
  const REFERENCE = [
    `$argon2id$v=19$m=65536,t=2,p=1$${SALT}$${TAG}`,
    `$argon2id$v=19$m=256,t=2,p=1$${SALT}$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4`,
    `$argon2id$v=19$m=256,t=2,p=2$${SALT}$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc`,
  ]

  for (const stored of REFERENCE) {
    it(`S-110 the reference string is accepted, and to be hashed anew: ${stored.slice(0, 30)}`, async () => {
      expect(await verify('password', stored)).to.deep.equal({ outcome: 'match', rehash: true })
      expect(await verify('Password', stored)).to.deep.equal({ outcome: 'mismatch' })
    })
  }

  it('computes the test vector of RFC 9106 §5.3', async () => {
    const tag = await argon2(Buffer.alloc(32, 1), {
      raw: true,
      type: argon2id,
      version: 0x13,
      memoryCost: 32,
      timeCost: 3,
      parallelism: 4,
      salt: Buffer.alloc(16, 2),
      secret: Buffer.alloc(8, 3),
      associatedData: Buffer.alloc(12, 4),
      hashLength: 32,
    })
    expect(tag.toString('hex')).to.equal('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
  })

  it('S-110 a new hash is argon2id at 19 MiB, 2 passes, 1 lane, with 16 bytes of salt of its own', async () => {
    const [first, second] = [await hash('correct horse'), await hash('correct horse')]
    expect(first).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(second).to.not.equal(first)
    expect(await verify('correct horse', first)).to.deep.equal({ outcome: 'match', rehash: false })
    expect(await verify('correct horse ', first)).to.deep.equal({ outcome: 'mismatch' })
  })

  it('S-108 a password is taken verbatim: length, case, spaces, normal form and the last byte count', async () => {
    const passwords = [
      'x'.repeat(64),
      'y'.repeat(128),
      ` ${'z'.repeat(1000)}é `,
      'e\u0301'.repeat(8),
      '🔑'.repeat(9),
    ]
    for (const password of passwords) {
      const stored = await hash(password)
      expect(await verify(password, stored)).to.have.property('outcome', 'match')
      for (const other of [
        password.slice(0, -1),
        `${password} `,
        password.toUpperCase(),
        password.normalize('NFC'),
      ]) {
        if (other === password) continue
        expect(await verify(other, stored), other).to.have.property('outcome', 'mismatch')
      }
    }
  })

  it('S-104 one hash at the current cost is computed for no user, a wrong password and an unusable hash', async () => {
    for (const stored of [
      undefined,
      '',
      '!',
      `$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$${TAG}`,
      '$2b$12$abc',
    ]) {
      const { slow, costs } = recorder()
      const { outcome } = await passwordHashing(slow).verify('some password', stored)
      expect(outcome, stored).to.not.equal('match')
      expect(costs(), stored).to.deep.equal([CURRENT_COST])
    }
  })

  it('S-104 an older hash is computed at its own cost, and no other beside it', async () => {
    const { slow, costs } = recorder()
    await passwordHashing(slow).verify('some password', `$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${TAG}`)
    expect(costs()).to.deep.equal([{ m: 65_536, t: 3, p: 4 }])
  })

  it('no stored hash is no match for anything, not even where computing gives what was expected', async () => {
    expect(await verify('', undefined)).to.deep.equal({ outcome: 'mismatch' })
    expect(await verify('anything', undefined)).to.deep.equal({ outcome: 'mismatch' })
  })

  const UNUSABLE = {
    'four terabytes': `$argon2id$v=19$m=4294967295,t=2,p=1$${SALT}$${TAG}`,
    'more than the limit': `$argon2id$v=19$m=131073,t=2,p=1$${SALT}$${TAG}`,
    'more passes than the limit': `$argon2id$v=19$m=19456,t=11,p=1$${SALT}$${TAG}`,
    'more lanes than the limit': `$argon2id$v=19$m=19456,t=2,p=17$${SALT}$${TAG}`,
    'less memory than its lanes need': `$argon2id$v=19$m=31,t=2,p=4$${SALT}$${TAG}`,
    'no passes': `$argon2id$v=19$m=19456,t=0,p=1$${SALT}$${TAG}`,
    'a number with a leading zero': `$argon2id$v=19$m=019456,t=2,p=1$${SALT}$${TAG}`,
    'an older version': `$argon2id$v=16$m=19456,t=2,p=1$${SALT}$${TAG}`,
    'no version': `$argon2id$m=19456,t=2,p=1$${SALT}$${TAG}`,
    'parameters in another order': `$argon2id$v=19$m=19456,p=1,t=2$${SALT}$${TAG}`,
    'a salt of seven bytes': `$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbA$${TAG}`,
    'a hash of eight bytes': `$argon2id$v=19$m=19456,t=2,p=1$${SALT}$${SALT}`,
    'no hash': `$argon2id$v=19$m=19456,t=2,p=1$${SALT}$`,
    'something after the hash': `$argon2id$v=19$m=19456,t=2,p=1$${SALT}$${TAG}\n`,
    argon2i: `$argon2i$v=19$m=19456,t=2,p=1$${SALT}$${TAG}`,
    bcrypt: '$2b$12$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m',
    'the empty string': '',
    "Django's mark for no password": '!9J0KLW2N',
    'a megabyte': `$argon2id$${'9'.repeat(1_000_000)}`,
  }
  for (const [name, stored] of Object.entries(UNUSABLE)) {
    it(`S-112 a stored hash with ${name} is unusable, and nothing is computed at its cost`, async () => {
      const { slow, costs } = recorder()
      expect(await passwordHashing(slow).verify('password', stored)).to.deep.equal({ outcome: 'unusable' })
      expect(costs()).to.deep.equal([CURRENT_COST])
    })
  }

  it('S-112 the limits themselves are accepted', async () => {
    const { slow, costs } = recorder()
    const stored = `$argon2id$v=19$m=131072,t=10,p=16$${SALT}$${TAG}`
    expect(await passwordHashing(slow).verify('password', stored)).to.deep.equal({ outcome: 'mismatch' })
    expect(costs()).to.deep.equal([{ m: 131_072, t: 10, p: 16 }])
  })

  it('what is counted is what is computed', async () => {
    const salt = Buffer.from('somesalt')
    const options = { variety: 'argon2id', version: 0x13, m: 65_536, t: 2, p: 1, salt, length: 32 } as const
    const tag = await slowFunctions.argon2(Buffer.from('password'), options)
    expect(tag).to.deep.equal(Buffer.from(TAG, 'base64'))
  })
})

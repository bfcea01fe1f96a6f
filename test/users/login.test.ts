import { expect } from 'chai'
import type { Hasher } from '../../src/passwords/hasher.ts'
import type { Verification } from '../../src/passwords/password-hash.ts'
import type { Database } from '../../src/postgres/database.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { makeLogin } from '../../src/users/login.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { TestClock } from '../support/clock.ts'
import { openPostgres } from '../support/postgres.ts'

const USER_ID = '00000000-0000-4000-8000-000000000001'
const BUSY = new Unavailable('hasher', 'queue full')

/** A hasher that says what it is told to, and remembers what it was asked. */
function saying(verification: Verification | Unavailable, hash: string | Unavailable = BUSY) {
  const asked: (string | undefined)[] = []
  const hasher: Hasher = {
    async verify(_password, stored) {
      asked.push(stored)
      if (verification instanceof Unavailable) throw verification
      return verification
    },
    async hash() {
      if (hash instanceof Unavailable) throw hash
      return hash
    },
    stats: () => ({ running: 0, queued: 0, done: 0, shed: 0 }),
    close: async () => {},
  }
  return { asked, hasher }
}

describe('the login check', () => {
  let database: Database
  let clock: TestClock
  beforeEach(async () => {
    database = (await openPostgres()).database
    clock = new TestClock()
    await usersPostgres(database).add(
      {
        id: USER_ID,
        username: 'alice',
        email: null,
        passwordHash: 'stored',
        isActive: true,
        isStaff: false,
        isSuperuser: false,
        joinedAt: clock.now(),
        extra: {},
      },
      { event: 'user.created', actor: 'operator', userId: USER_ID },
    )
  })

  function login(hasher: Hasher) {
    const noted: string[] = []
    const refusals: [reason: string, userId: string | undefined][] = []
    const check = makeLogin({
      beginAttempt: async () => ({ giveBack: async () => {} }),
      users: usersPostgres(database),
      hasher,
      clock,
      noteUser: (id) => void noted.push(id),
      noteRefusal: (reason, userId) => void refusals.push([reason, userId]),
    })
    return { check, noted, refusals }
  }
  const stored = async () => (await usersPostgres(database).findByIdentifier('alice'))?.passwordHash

  it('S-104 a refusal is not told before its time, and not a moment later', async () => {
    const cases: [name: string, verification: Verification, stored: string | undefined][] = [
      ['nobody', { outcome: 'mismatch' }, undefined],
      ['alice', { outcome: 'mismatch' }, 'stored'],
      ['alice', { outcome: 'unusable' }, 'stored'],
      ['a\u200bb', { outcome: 'mismatch' }, undefined],
    ]
    for (const [name, verification, expected] of cases) {
      const { asked, hasher } = saying(verification)
      let told = false
      const refused = login(hasher)
        .check(name, 'x')
        .then(({ outcome }) => {
          told = true
          return outcome
        })
      while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
      clock.advance(1999)
      await new Promise((resolve) => setImmediate(resolve))
      expect(told, name).to.equal(false)
      clock.advance(1)
      expect(await refused).to.equal('refused')
      expect(asked, 'one hash is computed, whoever it is').to.deep.equal([expected])
    }
  })

  it('S-104 the time counts from the start of the hash: a queue does not use it up', async () => {
    for (const verification of [{ outcome: 'mismatch' }, { outcome: 'unusable' }] as const) {
      const { hasher } = saying(verification)
      const queued: Hasher = {
        ...hasher,
        async verify(password, stored, noteStart) {
          clock.advance(1900)
          noteStart?.()
          clock.advance(470)
          return hasher.verify(password, stored)
        },
      }
      let told = false
      const refused = login(queued)
        .check('alice', 'x')
        .then(() => {
          told = true
        })
      while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
      clock.advance(2000 - 470 - 1)
      await new Promise((resolve) => setImmediate(resolve))
      expect(told).to.equal(false)
      clock.advance(1)
      await refused
    }
  })

  it('a login that succeeds waits for nothing', async () => {
    const { check, noted } = login(saying({ outcome: 'match', rehash: false }).hasher)
    expect(await check('alice', 'x')).to.have.property('outcome', 'signed_in')
    expect([clock.waiting, noted]).to.deep.equal([0, [USER_ID]])
  })

  it('each refusal is told with its reason and with whose name it was, and a login that succeeds is none', async () => {
    const cases: [name: string, verification: Verification, told: [string, string | undefined][]][] = [
      ['nobody', { outcome: 'mismatch' }, [['identifier_unknown', undefined]]],
      ['alice', { outcome: 'mismatch' }, [['password_wrong', USER_ID]]],
      ['alice', { outcome: 'unusable' }, [['password_unusable', USER_ID]]],
      ['alice', { outcome: 'match', rehash: false }, []],
    ]
    clock.autoAdvance = true
    for (const [name, verification, told] of cases) {
      const { check, refusals } = login(saying(verification).hasher)
      await check(name, 'x')
      expect(refusals, name).to.deep.equal(told)
    }
  })

  it('S-110 a hash that is out of date is replaced, and a failure of that does not fail the login', async () => {
    const match: Verification = { outcome: 'match', rehash: true }
    expect(await login(saying(match, BUSY).hasher).check('alice', 'x')).to.have.property(
      'outcome',
      'signed_in',
    )
    expect(await stored()).to.equal('stored')
    expect(await login(saying(match, 'better').hasher).check('alice', 'x')).to.have.property(
      'outcome',
      'signed_in',
    )
    expect(await stored()).to.equal('better')
  })

  it('G6 a hasher that is too busy is "we do not know", for those who exist and those who do not', async () => {
    for (const name of ['alice', 'nobody']) {
      const error = await login(saying(BUSY).hasher)
        .check(name, 'x')
        .catch((thrown: unknown) => thrown)
      expect(error, name).to.equal(BUSY)
    }
  })
})

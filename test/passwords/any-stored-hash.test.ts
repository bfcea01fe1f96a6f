import { expect } from 'chai'
import fc from 'fast-check'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { AT_DJANGOS_SETTINGS, CHEAP, LEGACY } from './django-vectors.ts'
import { type Asked, recordingFunctions } from './recording-functions.ts'

const VECTORS = [...AT_DJANGOS_SETTINGS, ...CHEAP, ...LEGACY].map(({ stored }) => stored)
const PREFIXES = [...new Set(VECTORS.map((stored) => stored.slice(0, stored.indexOf('$') + 1)))]

const number = fc.oneof(
  fc.integer({ min: -2, max: 70_000 }),
  fc.integer({ min: 0, max: 40 }).map((power) => 2 ** power),
  fc.constantFrom('1e9', '0x10', '٣', '', '99999999999999999999', 10_000_000, 10_000_001),
)

const HASH_64 = `${'A'.repeat(85)}Q==`

/** Hashes that are nearly right: a known one, with each number that it has replaced by any. */
const withOtherNumbers = fc
  .tuple(fc.constantFrom(...VECTORS), fc.array(number, { minLength: 1, maxLength: 6 }))
  .map(([stored, numbers]) => {
    let position = 0
    return stored.replace(/(?<=[$=])\d{1,7}(?=[$,])/g, () => String(numbers[position++ % numbers.length]))
  })

/** … with something put into it, or cut out of it. */
const spliced = fc
  .tuple(fc.constantFrom(...VECTORS), fc.nat(120), fc.nat(5), fc.string({ unit: 'binary', maxLength: 5 }))
  .map(([stored, at, cut, put]) => stored.slice(0, at) + put + stored.slice(at + cut))

/** scrypt has three numbers at once to get right. */
const scrypts = fc
  .tuple(fc.nat(31), fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99_999 }), fc.nat(20))
  .map(([power, r, p, salt]) => `scrypt$${2 ** power}$${'s'.repeat(salt)}$${r}$${p}$${HASH_64}`)

const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .tuple(fc.constantFrom(...PREFIXES), fc.string({ unit: 'binary' }))
    .map(([prefix, rest]) => prefix + rest),
  withOtherNumbers,
  scrypts,
  spliced,
)

describe('whatever stands in the database as a hash', () => {
  it('S-112 is never an exception, and never more work or memory than the limits', async () => {
    const { slow, asked } = recordingFunctions()
    const { verify } = passwordHashing(slow)
    const outcomes = new Set<string>()
    await fc.assert(
      fc.asyncProperty(anything, fc.string({ unit: 'binary' }), async (stored, password) => {
        outcomes.add((await verify(password, stored)).outcome)
      }),
      { numRuns: 5000 },
    )
    expectWithinLimits(asked)
    // The control: the strings were not all refused at the first letter.
    expect([...outcomes].sort()).to.deep.equal(['mismatch', 'unusable'])
    for (const [name, calls] of Object.entries(asked)) expect(calls, name).to.not.be.empty
    expect(new Set(asked.pbkdf2.map(({ iterations }) => iterations)).size).to.be.greaterThan(50)
    expect(new Set(asked.scrypt.map(({ N, r, p }) => N * r * p)).size).to.be.greaterThan(20)
  })
})

function expectWithinLimits({ argon2, pbkdf2, scrypt, bcrypt }: Asked): void {
  for (const { m, t, p } of argon2) {
    expect(m).to.be.within(8 * p, 131_072)
    expect(t).to.be.within(1, 10)
    expect(p).to.be.within(1, 16)
  }
  for (const { iterations } of pbkdf2) expect(iterations).to.be.within(1, 10_000_000)
  for (const { N, r, p, memoryBytes } of scrypt) {
    expect(memoryBytes).to.be.within(128 * N * r, 128 * 1024 * 1024)
    expect(N * r * p).to.be.within(2, 2 ** 24)
  }
  for (const { setting } of bcrypt) expect(Number(setting.slice(4, 6))).to.be.within(4, 16)
}

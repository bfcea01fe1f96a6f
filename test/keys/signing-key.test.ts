import { expect } from 'chai'
import fc from 'fast-check'
import { retireToRemoveSeconds } from '../../src/keys/schedule.ts'
import {
  activeKey,
  type KeyPhase,
  keyLives,
  minimumIssuedAt,
  type SigningKey,
} from '../../src/keys/signing-key.ts'
import { at, key, NOW, SCHEDULE } from './fixtures.ts'

const FLOOR = retireToRemoveSeconds(SCHEDULE)
const INSTANT = 0.001

function phases(keys: readonly SigningKey[], now: Date): Record<string, KeyPhase> {
  return Object.fromEntries(keyLives(keys, now, SCHEDULE).map((life) => [life.key.kid, life.phase]))
}

describe('the phase of a signing key', () => {
  const old = key('old', { published: -9000, activates: -9000 })
  const successor = key('successor', { published: -5000, activates: 0 })
  const undated = key('undated', { published: -100, activates: null })
  const keys = [undated, successor, old]

  for (const [when, now, expected] of [
    ['an instant before the successor activates', -INSTANT, ['active', 'next', 'next']],
    ['the instant at which it activates', 0, ['retired', 'active', 'next']],
    ['an instant before all the old one signed is dead', FLOOR - INSTANT, ['retired', 'active', 'next']],
    ['the instant at which that is so', FLOOR, ['gone', 'active', 'next']],
    ['years later', 1e8, ['gone', 'active', 'next']],
  ] as const) {
    it(`is a function of time alone: ${when}`, () => {
      const [oldPhase, successorPhase, undatedPhase] = expected
      expect(phases(keys, at(now))).to.deep.equal({
        old: oldPhase,
        successor: successorPhase,
        undated: undatedPhase,
      })
    })
  }

  it('a key retires when its successor activates, and is removed the floor later', () => {
    const life = keyLives(keys, NOW, SCHEDULE).find(({ key: { kid } }) => kid === 'old')
    expect(life?.retiresAt).to.deep.equal(at(0))
    expect(life?.removesAt).to.deep.equal(at(FLOOR))
  })

  it('a key without a date has no successor and is nobody’s', () => {
    const [life] = keyLives([undated], NOW, SCHEDULE)
    expect(life).to.deep.equal({ key: undated, phase: 'next', retiresAt: null, removesAt: null })
    expect(activeKey([undated], 'RS256', NOW)).to.equal(undefined)
  })

  it('K-04 of two keys with the same date every node takes the same one, whatever order it read them in', () => {
    const one = key('one', { published: -5000, activates: -10 })
    const two = key('two', { published: -5000, activates: -10 })
    expect(phases([one, two], NOW)).to.deep.equal({ one: 'retired', two: 'active' })
    expect(phases([two, one], NOW)).to.deep.equal({ one: 'retired', two: 'active' })
  })

  const anyKeys = fc
    .uniqueArray(
      fc.record({
        kid: fc.string({ minLength: 1, maxLength: 4 }),
        published: fc.integer({ min: -20_000, max: 0 }),
        delay: fc.option(fc.integer({ min: 0, max: 20_000 })),
      }),
      { selector: ({ kid }) => kid, maxLength: 8 },
    )
    .map((rows) =>
      rows.map(({ kid, published, delay }) =>
        key(kid, { published, activates: delay === null ? null : published + delay }),
      ),
    )

  it('at any time there is exactly one active key once one has activated, none before', () => {
    fc.assert(
      fc.property(anyKeys, fc.integer({ min: -30_000, max: 60_000 }), (keys, seconds) => {
        const now = at(seconds)
        const active = keyLives(keys, now, SCHEDULE).filter(({ phase }) => phase === 'active')
        const hasActivated = keys.some(({ activatesAt }) => activatesAt !== null && activatesAt <= now)
        expect(active).to.have.length(hasActivated ? 1 : 0)
        expect(activeKey(keys, 'RS256', now)).to.equal(active[0]?.key)
      }),
    )
  })

  it('as time goes on a key moves forward only: next, active, retired, gone', () => {
    const order: KeyPhase[] = ['next', 'active', 'retired', 'gone']
    fc.assert(
      fc.property(anyKeys, fc.array(fc.integer({ min: -30_000, max: 60_000 })), (keys, moments) => {
        const reached = new Map<string, number>()
        for (const seconds of moments.sort((left, right) => left - right)) {
          for (const [kid, phase] of Object.entries(phases(keys, at(seconds)))) {
            expect(order.indexOf(phase)).to.be.at.least(reached.get(kid) ?? 0)
            reached.set(kid, order.indexOf(phase))
          }
        }
      }),
    )
  })

  describe('that is revoked', () => {
    const retired = key('retired', { published: -9000, activates: -9000 })
    const revoked = key('revoked', { published: -5000, activates: -100, revoked: 0 })
    const successor = key('successor', { published: -50, activates: 0 })
    const keys = [retired, revoked, successor]

    it('is revoked from the moment on, its successor signs, and what had retired stays so', () => {
      expect(phases(keys, NOW)).to.deep.equal({ retired: 'retired', revoked: 'revoked', successor: 'active' })
      expect(activeKey(keys, 'RS256', NOW)).to.equal(successor)
      const lives = keyLives(keys, NOW, SCHEDULE)
      expect(lives.map(({ removesAt }) => removesAt)).to.deep.equal([at(FLOOR - 100), at(FLOOR), null])
    })

    it('stays on record until nothing that it signed can be alive', () => {
      expect(phases(keys, at(FLOOR - INSTANT))).to.include({ revoked: 'revoked' })
      expect(phases(keys, at(FLOOR))).to.include({ revoked: 'gone' })
    })

    it('K-08 is revoked for a node whose idea of the time is a moment behind, and its successor signs there', () => {
      expect(phases(keys, at(-1))).to.deep.equal({
        retired: 'retired',
        revoked: 'revoked',
        successor: 'active',
      })
      expect(activeKey(keys, 'RS256', at(-1))).to.equal(successor)
    })

    it('leaves nothing to sign with where it has no successor: a retired key does not come back', () => {
      expect(activeKey([retired, revoked], 'RS256', at(10))).to.equal(undefined)
      expect(phases([retired, revoked], at(10))).to.deep.equal({ retired: 'retired', revoked: 'revoked' })
    })

    it('before it was to sign is nobody’s successor', () => {
      const active = key('active', { published: -9000, activates: -9000 })
      const next = key('next', { published: -100, activates: 50, revoked: 0 })
      const [life] = keyLives([active, next], at(60), SCHEDULE)
      expect(life).to.include({ phase: 'active', retiresAt: null })
      expect(activeKey([active, next], 'RS256', at(60))).to.equal(active)
    })

    it('makes tokens from before worth nothing here, whichever key signed them', () => {
      expect(minimumIssuedAt(retired, keys)).to.deep.equal(at(0))
      // It signed nothing before: its tokens are not measured by the clock of the node that signed.
      expect(minimumIssuedAt(successor, keys)).to.equal(undefined)
    })

    it('before it ever signed says nothing about the tokens of other keys', () => {
      const next = key('next', { published: -100, activates: null, revoked: 0 })
      expect(minimumIssuedAt(retired, [retired, next])).to.equal(undefined)
    })
  })
})

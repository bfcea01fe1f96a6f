import { expect } from 'chai'
import fc from 'fast-check'
import { type Position, type RotationOutcome, type RotationRules, rotate } from '../../src/tokens/rotation.ts'

const T0 = new Date('2026-01-01T00:00:00Z')
const KEY_VERSION = 7
const supersede: RotationRules = { retryWindowSeconds: 60, latePolicy: 'supersede' }
const revoke: RotationRules = { retryWindowSeconds: 60, latePolicy: 'revoke' }

/** Generation 5 is live, 4 was presented to make it. */
const at5: Position = { generation: 5, predecessor: 4, rotatedAt: T0, keyVersion: 3, lateUsed: false }
/** Generation 4 came back late: 5 is displaced, 6 is live. */
const after: Position = { ...at5, generation: 6, lateUsed: true }

function later(seconds: number): Date {
  return new Date(T0.getTime() + seconds * 1000)
}

describe('the rotation table', () => {
  const DAY = 24 * 3600
  const rows: [
    says: string,
    from: Position,
    presented: number,
    seconds: number,
    rules: RotationRules,
    outcome: RotationOutcome,
    live: number,
  ][] = [
    ['the live generation rotates', at5, 5, 10, revoke, 'rotated', 6],
    ['the live generation rotates long after', at5, 5, 30 * DAY, revoke, 'rotated', 6],
    ['R-10 the predecessor gets the same successor at once', at5, 4, 0, revoke, 'retry', 5],
    ['R-10 … and until the last second of the window', at5, 4, 60, revoke, 'retry', 5],
    ['R-10 a second later it is a thief under `revoke`', at5, 4, 61, revoke, 'reuse', 5],
    ['R-10 … and a late client under `supersede`', at5, 4, 61, supersede, 'late_retry', 6],
    ['… for a day', at5, 4, DAY, supersede, 'late_retry', 6],
    ['… and not longer', at5, 4, DAY + 1, supersede, 'reuse', 5],
    ['a late client that retries at once gets the same successor', after, 4, 59, supersede, 'retry', 6],
    ['a predecessor has one late retry', after, 4, 61, supersede, 'reuse', 6],
    ['R-16 the displaced child is reuse', after, 5, 1, supersede, 'reuse', 6],
    ['R-11 an older generation is reuse, inside the window too', at5, 3, 1, supersede, 'reuse', 5],
    ['a store that lost a rotation rolls forward', at5, 6, 1, revoke, 'roll_forward', 7],
    ['… over sixteen', at5, 21, 1, revoke, 'roll_forward', 22],
    ['… and not seventeen', at5, 22, 1, revoke, 'future', 5],
    ['a clock set back does not shorten the window', at5, 4, -60, revoke, 'retry', 5],
    ['a clock set back does not lengthen it', at5, 4, -61, revoke, 'reuse', 5],
  ]
  for (const [says, from, presented, seconds, rules, outcome, live] of rows) {
    it(says, () => {
      const step = rotate(from, presented, later(seconds), KEY_VERSION, rules)
      expect(step.outcome).to.equal(outcome)
      expect(step.position.generation).to.equal(live)
      const isUnchanged = ['retry', 'reuse', 'future'].includes(outcome)
      expect(step.position === from, 'nothing changes').to.equal(isUnchanged)
      if (!isUnchanged) expect(step.position).to.include({ keyVersion: KEY_VERSION, predecessor: presented })
    })
  }

  it('R-05 a retry keeps the key version that its successor was made with', () => {
    expect(rotate(at5, 4, later(1), KEY_VERSION, revoke).position.keyVersion).to.equal(at5.keyVersion)
  })

  it('at any time exactly one generation rotates, and it only ever grows', () => {
    const history = fc.array(fc.record({ presented: fc.nat(40), seconds: fc.nat(100_000) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(history, fc.constantFrom(supersede, revoke), (steps, rules) => {
        let position: Position = {
          generation: 1,
          predecessor: 0,
          rotatedAt: T0,
          keyVersion: 1,
          lateUsed: false,
        }
        let now = T0
        for (const { presented, seconds } of steps) {
          now = new Date(now.getTime() + seconds * 1000)
          const rotating = Array.from({ length: 45 }, (_, n) => n).filter((n) => {
            return rotate(position, n, now, 1, rules).outcome === 'rotated'
          })
          if (rotating.length !== 1 || rotating[0] !== position.generation) return false
          const next = rotate(position, presented, now, 1, rules).position
          if (next.generation < position.generation || next.predecessor >= next.generation) return false
          position = next
        }
        return true
      }),
    )
  })
})

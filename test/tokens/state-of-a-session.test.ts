import { expect } from 'chai'
import { countState, growthOf, notAnchored, type StateCount } from '../../bench/state/count.ts'
import { beginSessions, REFRESH_EVERY_SECONDS, rotateOnce } from '../../bench/state/exercise.ts'
import { addSeconds, systemClock } from '../../src/clock.ts'
import { openRedisFamilies } from '../support/redis-families.ts'

const SESSIONS = 100
const ROUNDS = 100

describe('the state of a session', () => {
  it('P6 10⁴ rotations of 100 sessions leave as many rows and Redis keys as there are live sessions', async () => {
    const { database, redis, first } = await openRedisFamilies()
    const stores = { database, families: first.families }
    const start = systemClock.now()
    const exercised = await beginSessions(stores, SESSIONS, start)
    const before = await countState(database, redis)
    for (let round = 1; round <= ROUNDS; round++) {
      await rotateOnce(stores, exercised, addSeconds(start, round * REFRESH_EVERY_SECONDS))
    }
    await first.families.flush()
    expect(growthOf(before, await countState(database, redis), SESSIONS)).to.deep.equal([])
    expect(await notAnchored(database, ROUNDS + 1)).to.equal(0)
  })

  it('control: a row for each refresh, or a key that stays, is noticed, in whatever table', () => {
    const before: StateCount = {
      rows: { sessions: 2, refresh_families: 2, audit_events: 2, used: 0 },
      keys: 0,
    }
    const grown = (rows: Record<string, number>, keys: number) =>
      growthOf(before, { rows: { ...before.rows, ...rows }, keys }, 2)
    expect(grown({}, 2)).to.deep.equal([])
    expect(grown({ used: 1 }, 2)).to.deep.equal(['used has 1 rows, expected 0'])
    expect(grown({ audit_events: 3 }, 2)).to.deep.equal(['audit_events has 3 rows, expected 2'])
    expect(grown({ sessions: 1 }, 2)).to.deep.equal(['sessions has 1 rows, expected 2'])
    expect(grown({}, 3)).to.deep.equal(['Redis has 3 keys, expected 2'])
  })
})

import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Charge, RateLimits } from '../../src/rate-limits/rate-limits.ts'
import { rateLimitsPostgres } from '../../src/rate-limits/rate-limits-postgres.ts'
import { rateLimitsRedis } from '../../src/rate-limits/rate-limits-redis.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import { guardedCalls } from '../../src/redis/guarded-calls.ts'
import { loadScripts } from '../../src/redis/scripts.ts'
import { forEachDatabase } from '../support/databases.ts'
import { recordingLogger } from '../support/logger.ts'
import { openRedis } from '../support/redis.ts'
import { afterwards } from '../support/root-hooks.ts'

const START = new Date('2026-01-01T00:00:00Z')
const after = (milliseconds: number) => new Date(START.getTime() + milliseconds)
/** Three at once, one a second after that. */
const charge = (key = randomBytes(16)): Charge => ({ key, intervalMs: 1000, capacityMs: 3000 })

/** What every store of limits does. */
function itCounts(open: () => Promise<RateLimits>): void {
  let limits: RateLimits
  beforeEach(async () => {
    limits = await open()
  })

  it('so many at once, then one as often as it says, and says how long to wait', async () => {
    const one = charge()
    for (let times = 0; times < 3; times++) expect(await limits.take([one], START)).to.deep.equal([0])
    expect(await limits.take([one], START)).to.deep.equal([1000])
    expect(await limits.take([one], after(400))).to.deep.equal([600])
    expect(await limits.take([one], after(1000))).to.deep.equal([0])
    expect(await limits.take([one], after(1000))).to.deep.equal([1000])
    expect(await limits.take([one], after(60_000)), 'all is back').to.deep.equal([0])
  })

  it('S-105 200 at the same moment are 200: no more pass than there are units', async () => {
    const one = charge()
    const waits = await Promise.all(Array.from({ length: 200 }, () => limits.take([one], START)))
    expect(waits.filter(([wait]) => wait === 0)).to.have.length(3)
  })

  it('S-105 two in opposite order do not stand in each other’s way', async () => {
    const [left, right] = [charge(), charge()]
    const waits = await Promise.all(
      Array.from({ length: 40 }, (_, n) => limits.take(n % 2 === 0 ? [left, right] : [right, left], START)),
    )
    expect(waits.flat().filter((wait) => wait === 0)).to.have.length(6)
  })

  it('keys do not concern each other, and each charge has its own answer', async () => {
    const [used, fresh] = [charge(), charge()]
    for (let times = 0; times < 3; times++) await limits.take([used], START)
    expect(await limits.take([fresh, used], START)).to.deep.equal([0, 1000])
  })

  it('S-105 what is given back is one unit, and what others used stays used', async () => {
    const one = charge()
    for (let times = 0; times < 3; times++) await limits.take([one], START)
    await limits.giveBack([one], START)
    expect(await limits.take([one], START)).to.deep.equal([0])
    expect(await limits.take([one], START)).to.deep.equal([1000])
    await limits.giveBack([charge()], START)
    for (let times = 0; times < 9; times++) await limits.giveBack([one], START)
    const again = await Promise.all(Array.from({ length: 5 }, () => limits.take([one], START)))
    expect(
      again.filter(([wait]) => wait === 0),
      'never more than all',
    ).to.have.length(3)
  })
}

describe('rate limits', () => {
  forEachDatabase((_name, open) => {
    itCounts(async () => rateLimitsPostgres(await open()))

    it('keep no rows of those who have all back', async () => {
      const database = await open()
      const limits = rateLimitsPostgres(database)
      for (let n = 0; n < 40; n++) await limits.take([charge()], after(n * 10_000))
      const [row] = await database.query<{ n: number }>('select count(*)::int as n from rate_limits')
      expect(row?.n).to.be.at.most(3)
    })
  })

  describe('Redis', () => {
    const open = async () => {
      const { url, client } = await openRedis()
      const logger = recordingLogger()
      const redis = connectRedis(url, logger)
      await new Promise((resolve) => redis.once('ready', resolve))
      afterwards(async () => redis.disconnect())
      const noRecord: RateLimits = {
        take: () => Promise.reject(new Error('the record was asked')),
        giveBack: () => Promise.reject(new Error('the record was asked')),
      }
      const record = { current: noRecord }
      const limits = rateLimitsRedis({
        runScript: loadScripts(redis),
        calls: guardedCalls(redis, logger),
        record: {
          take: (charges, now) => record.current.take(charges, now),
          giveBack: (charges, now) => record.current.giveBack(charges, now),
        },
      })
      return { limits, redis, client, record }
    }
    itCounts(async () => (await open()).limits)

    it('keys go by themselves', async () => {
      const { limits, client } = await open()
      await limits.take([charge()], START)
      const [key = ''] = await client.keys('rl:*')
      expect(await client.pttl(key)).to.be.within(1, 1000)
    })

    it('F-110 the record counts while Redis is away', async () => {
      const { limits, redis, record } = await open()
      const asked: number[] = []
      record.current = {
        take: async (charges) => {
          asked.push(charges.length)
          return charges.map(() => 0)
        },
        giveBack: async () => {},
      }
      redis.disconnect()
      expect(await limits.take([charge(), charge()], START)).to.deep.equal([0, 0])
      expect(asked).to.deep.equal([2])
    })
  })
})

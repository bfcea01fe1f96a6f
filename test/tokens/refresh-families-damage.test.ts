import { expect } from 'chai'
import type { Redis } from 'ioredis'
import type { Database } from '../../src/postgres/database.ts'
import { keyNames } from '../../src/redis/key-names.ts'
import type { RefreshFamilies, RefreshFamily, Rotation } from '../../src/tokens/refresh-families.ts'
import type { RotationRules } from '../../src/tokens/rotation.ts'
import { openRedisFamilies, redisFamilies } from '../support/redis-families.ts'
import { startRedis } from '../support/redis-server.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'
import { beginFamily, later, reread } from './refresh-families.contract.ts'

const RULES: RotationRules = { retryWindowSeconds: 60, latePolicy: 'supersede' }

describe('refresh families when Redis holds what it should not', () => {
  let database: Database
  let redis: Redis
  let nodes: readonly [RefreshFamilies, RefreshFamilies]
  let family: RefreshFamily
  let key: string

  beforeEach(async () => {
    ;({ database, redis, nodes } = await openRedisFamilies())
    family = await beginFamily(database, nodes[0])
    key = keyNames.refreshFamily(family.id)
  })

  function request(presented: number, seconds: number) {
    return {
      presented,
      now: later(seconds),
      keyVersion: 1,
      rules: RULES,
      idleExpiresAt: later(seconds + 86_400),
    }
  }

  async function present(presented: number, seconds: number, node = nodes[0]): Promise<Rotation> {
    return node.rotate(await reread(database, family), request(presented, seconds))
  }

  async function presentTwice() {
    await present(1, 10)
    await present(2, 20)
    await nodes[0].flush()
  }

  for (const [what, damage] of [
    ['a string', () => redis.set(key, 'x')],
    ['a list', () => redis.lpush(key, 'x')],
    ['a negative generation', () => redis.hset(key, 'g', '-1')],
    ['a generation that is no number', () => redis.hset(key, 'g', 'nan')],
    ['an infinite generation', () => redis.hset(key, 'g', 'inf')],
    ['a huge generation', () => redis.hset(key, 'g', '4294967296')],
    ['a fraction', () => redis.hset(key, 'g', '3.5')],
    ['no generation', () => redis.hdel(key, 'g')],
    ['no predecessor', () => redis.hdel(key, 'p')],
    ['a predecessor above it', () => redis.hset(key, 'p', '9')],
    ['no time', () => redis.hset(key, 't', '')],
    ['a key version that nobody has made', () => redis.hset(key, 'k', '900')],
    ['a flag that is none', () => redis.hset(key, 'l', '2')],
    ['another script’s fields alone', () => redis.del(key).then(() => redis.hset(key, 'x', '1', 'g', 'a'))],
  ] as const) {
    it(`F-121 ${what} is as good as nothing: the anchor counts, and overwrites it`, async () => {
      await presentTwice()
      if (what === 'a string' || what === 'a list') await redis.del(key)
      await damage()
      expect((await nodes[0].position(await reread(database, family))).generation).to.equal(3)
      expect(await present(2, 30), 'a retry').to.deep.include({
        outcome: 'retry',
        rebuilt: true,
        degraded: false,
      })
      expect(await redis.hgetall(key)).to.include({ g: '3', p: '2', l: '0' })
      expect(await present(3, 40)).to.deep.include({ outcome: 'rotated', rebuilt: false, degraded: false })
    })
  }

  it('R-32 a token spent on a Redis that forgot it is refused by the anchor', async () => {
    await present(1, 10)
    const old = await redis.hgetall(key)
    await present(2, 20)
    await present(3, 30)
    await nodes[0].flush()
    await redis.del(key)
    await redis.hset(key, old)
    expect((await present(2, 100)).outcome).to.equal('reuse')
  })

  it('R-32 where the anchor is lost as well, one token comes of it, and then the theft shows', async () => {
    await present(1, 10)
    await nodes[0].flush()
    const old = await redis.hgetall(key)
    const anchored = await reread(database, family)
    await present(2, 20)
    await present(3, 30)
    await redis.del(key)
    await redis.hset(key, old)
    // The node was killed before it anchored: nobody knows of generations 3 and 4 but who holds their tokens.
    const thief = await nodes[1].rotate(anchored, request(2, 100))
    expect(thief).to.deep.include({ outcome: 'rotated' })
    const owner = await nodes[1].rotate(anchored, request(4, 110))
    expect(owner.outcome).to.equal('roll_forward')
    expect((await nodes[1].rotate(anchored, request(3, 120))).outcome, 'the thief again').to.equal('reuse')
  })

  it('R-34 a Redis without memory left costs no session', async () => {
    const full = await startRedis({ arguments: ['--maxmemory', '3mb'] })
    afterwards(full.stop)
    const { families, redis: filled } = await redisFamilies(database, full.url)
    const rotated = async (presented: number) =>
      families.rotate(await reread(database, family), request(presented, presented * 10))
    expect(await rotated(1)).to.deep.include({ outcome: 'rotated', degraded: false })
    await families.flush()
    await filled.call('CONFIG', 'SET', 'maxmemory', '1')
    for (const presented of [2, 3, 4]) {
      expect(await rotated(presented)).to.deep.include({ outcome: 'rotated', degraded: true })
    }
    await filled.call('CONFIG', 'SET', 'maxmemory', '0')
    expect(await rotated(5)).to.deep.include({ outcome: 'rotated', rebuilt: true, degraded: false })
  })

  it('R-36 while one node sees Redis and the other the record alone, both arrive at the same tokens', async () => {
    const away = await startRedis()
    const { families: blind } = await redisFamilies(database, away.url)
    await away.stop()
    for (let presented = 1; presented <= 20; presented += 1) {
      const read = await reread(database, family)
      const both = await Promise.all(
        [nodes[0], blind].map((node) => node.rotate(read, request(presented, presented))),
      )
      expect(both.map(({ position }) => position.generation)).to.deep.equal([presented + 1, presented + 1])
      for (const { outcome } of both) expect(outcome).to.be.oneOf(['rotated', 'retry', 'roll_forward'])
      await nodes[0].flush()
    }
    expect((await present(20, 21)).outcome).to.equal('retry')
    expect((await present(19, 22, blind)).outcome, 'control').to.equal('reuse')
  })

  it('F-516 a record from before Redis’ time catches up with it', async () => {
    await presentTwice()
    await database.query('update refresh_families set generation = 1, predecessor = 0')
    expect(await present(2, 30), 'the last one again').to.deep.include({ outcome: 'retry', rebuilt: false })
    expect(await present(3, 40)).to.deep.include({ outcome: 'rotated' })
    await nodes[0].flush()
    expect((await reread(database, family)).anchor.generation).to.equal(4)
    expect((await present(2, 50)).outcome).to.equal('reuse')
  })

  it('F-116 a Redis from before the record’s time turns nothing back', async () => {
    await present(1, 10)
    const backup = await redis.dumpBuffer(key)
    for (let presented = 2; presented <= 6; presented++) await present(presented, presented * 10)
    await nodes[0].flush()
    await redis.restore(key, 0, backup ?? '', 'REPLACE')
    expect(await redis.hget(key, 'g')).to.equal('2')
    expect((await present(1, 61)).outcome).to.equal('reuse')
    expect((await present(7, 62)).outcome).to.equal('rotated')
  })

  it('R-06 a retry on a node whose clock is two seconds off gets the same successor', async () => {
    await present(1, 10)
    expect(await present(1, 8, nodes[1])).to.deep.include({ outcome: 'retry' })
    expect((await present(1, 69, nodes[1])).position.generation).to.equal(2)
  })

  it('P6 a family that has ended leaves Redis, and where it cannot, it ends all the same', async () => {
    await present(1, 10)
    expect(await redis.exists(key)).to.equal(1)
    await nodes[0].end(family, 'revoked', 'client:x', later(20))
    await until(async () => (await redis.exists(key)) === 0)
    const other = await beginFamily(database, nodes[0])
    const away = await startRedis()
    const { families: blind } = await redisFamilies(database, away.url)
    await away.stop()
    await blind.end(other, 'revoked', 'client:x', later(30))
    expect((await reread(database, other)).endedAt).to.deep.equal(later(30))
  })
})

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Redis } from 'ioredis'
import type { Database } from '../../src/postgres/database.ts'
import { keyNames } from '../../src/redis/key-names.ts'
import { withRequest } from '../../src/telemetry/request-context.ts'
import { anchorQueue } from '../../src/tokens/anchors.ts'
import { writeAnchors } from '../../src/tokens/anchors-postgres.ts'
import type { RefreshFamilies, RefreshFamily, Rotation } from '../../src/tokens/refresh-families.ts'
import { type Position, type RotationOutcome, type RotationRules, rotate } from '../../src/tokens/rotation.ts'
import { recordingLogger } from '../support/logger.ts'
import { openPostgres } from '../support/postgres.ts'
import { openRedis, startRedis } from '../support/redis.ts'
import { openRedisFamilies, redisFamilies } from '../support/redis-families.ts'
import { beginFamily, later, reread } from './refresh-families.contract.ts'

const RULES: RotationRules = { retryWindowSeconds: 60, latePolicy: 'supersede' }
const CODES: RotationOutcome[] = ['rotated', 'retry', 'late_retry', 'roll_forward', 'reuse', 'future']

describe('refresh families when Redis loses things', () => {
  let database: Database
  let redis: Redis
  let families: RefreshFamilies
  let family: RefreshFamily

  beforeEach(async () => {
    const opened = await openRedisFamilies()
    ;({ database, redis } = opened)
    families = opened.nodes[0]
    family = await beginFamily(database, families)
  })

  async function present(presented: number, seconds: number): Promise<Rotation> {
    return families.rotate(await reread(database, family), {
      presented,
      now: later(seconds),
      keyVersion: 1,
      rules: RULES,
      idleExpiresAt: later(seconds + 86_400),
    })
  }

  it('R-33 FLUSHALL costs no session: the family is rebuilt from its anchor', async () => {
    await present(1, 10)
    await present(2, 20)
    await families.flush()
    await redis.flushdb()
    expect(await present(3, 30)).to.deep.include({ outcome: 'rotated', rebuilt: true })
  })

  it('R-30 a token spent before FLUSHALL is still spent after it', async () => {
    await present(1, 10)
    await present(2, 20)
    await families.flush()
    await redis.flushdb()
    expect((await present(1, 30)).outcome).to.equal('reuse')
  })

  it('R-31 a record older than the anchor is set right, and the live token works', async () => {
    await present(1, 10)
    const old = await redis.hgetall(keyNames.refreshFamily(family.id))
    await present(2, 20)
    await families.flush()
    await redis.hset(keyNames.refreshFamily(family.id), old)
    expect(await present(3, 30)).to.deep.include({ outcome: 'rotated', rebuilt: true })
  })

  it('R-31 a rotation that both stores lost is rolled forward', async () => {
    await present(1, 10)
    await present(2, 20)
    await redis.flushdb() // and nothing was anchored: the node was killed before its flush
    await database.query('update refresh_families set generation = 1, predecessor = 0')
    expect(await present(3, 30)).to.deep.include({ outcome: 'roll_forward' })
  })

  it('the first refresh of a family is no rebuilding', async () => {
    expect(await present(1, 10)).to.deep.include({ outcome: 'rotated', rebuilt: false })
  })

  it('R-35 while Redis is away the record rotates, and what Redis kept does not turn it back', async () => {
    await present(1, 10)
    await families.flush()
    const away = await startRedis()
    const other = await redisFamilies(database, away.url)
    await away.stop()
    const read = await reread(database, family)
    const request = {
      presented: 2,
      now: later(20),
      keyVersion: 1,
      rules: RULES,
      idleExpiresAt: later(86_400),
    }
    expect(await other.families.rotate(read, request)).to.deep.include({ outcome: 'rotated', degraded: true })
    expect((await present(2, 30)).outcome, 'the same token again, Redis back with old data').to.equal('retry')
    expect(await present(3, 40)).to.deep.include({ outcome: 'rotated' })
  })

  it('the Redis key goes away by itself', async () => {
    await present(1, 10)
    const ttl = await redis.pttl(keyNames.refreshFamily(family.id))
    expect(ttl).to.be.within(1, 86_400_000)
  })

  it('an audit row names the request that was served, and the next rotation does not push it out', async () => {
    await present(1, 10)
    await withRequest({ id: 'late', address: '203.0.113.66' }, () => present(1, 100))
    await withRequest({ id: 'next', address: '198.51.100.1' }, () => present(3, 101))
    await families.flush()
    const rows = await database.query(
      "select event, request_id, address from audit_events where event like 'family.%'",
    )
    expect(rows).to.deep.equal([{ event: 'family.late_retry', request_id: 'late', address: '203.0.113.66' }])
    expect((await reread(database, family)).anchor.generation).to.equal(4)
  })

  it('P5 neither store holds a token or anything but positions and a salt', async () => {
    await present(1, 10)
    expect(
      Object.keys(await redis.hgetall(keyNames.refreshFamily(family.id)))
        .sort()
        .join(),
    ).to.equal('g,k,l,p,t')
  })
})

describe('the rotation script', () => {
  const script = readFileSync(
    new URL('../../src/redis/scripts/rotate-refresh-family-1.lua', import.meta.url),
    'utf8',
  )

  /** Runs random histories through the script and through `rotate`; returns the first difference. */
  async function compare(lua: string, steps: number): Promise<string | undefined> {
    const { client } = await openRedis()
    let position: Position = {
      generation: 1,
      predecessor: 0,
      rotatedAt: later(0),
      keyVersion: 1,
      lateUsed: false,
    }
    let seconds = 0
    for (let step = 0; step < steps; step++) {
      // Mostly near the live generation, where the rules are; restarted now and then, so that Redis is behind or empty.
      const presented = Math.max(0, position.generation + Math.floor(Math.random() * 8) - 4)
      seconds += [0, 1, 30, 59, 61, 90_000][Math.floor(Math.random() * 6)] ?? 0
      if (step % 97 === 0) await client.flushdb()
      const latePolicy = Math.random() < 0.5 ? 'supersede' : 'revoke'
      const expected = rotate(position, presented, later(seconds), 2, { retryWindowSeconds: 60, latePolicy })
      const anchor = [
        position.generation,
        position.predecessor,
        position.rotatedAt.getTime(),
        position.keyVersion,
      ]
      const late = latePolicy === 'supersede' ? 86_400_000 : 0
      const reply = (await client.eval(
        lua,
        1,
        'rt:test',
        ...[
          presented,
          later(seconds).getTime(),
          60_000,
          late,
          16,
          2,
          1_000_000,
          ...anchor,
          position.lateUsed ? 1 : 0,
        ],
      )) as number[]
      const got = [CODES[(reply[0] ?? 0) - 1], ...reply.slice(1, 6)].join()
      const { generation, predecessor, rotatedAt, keyVersion, lateUsed } = expected.position
      const want = [
        expected.outcome,
        generation,
        predecessor,
        rotatedAt.getTime(),
        keyVersion,
        lateUsed ? 1 : 0,
      ].join()
      if (got !== want) return `step ${step}: presented ${presented}: script ${got}, rule ${want}`
      position = expected.position
    }
    return undefined
  }

  it('says in 4000 random steps what the rule says', async () => {
    expect(await compare(script, 4000)).to.equal(undefined)
  })

  it('control: a script with a wrong window, flag or limit is found out', async () => {
    const broken = [
      script.replace('code = move(3, p, 1, g + 1)', 'code = move(3, p, 0, g + 1)'),
      script.replace('age <= tonumber(ARGV[3])', 'age < 0'),
      script.replace('presented ~= p', 'presented < p'),
    ]
    for (const lua of broken) {
      expect(lua).not.to.equal(script)
      expect(await compare(lua, 4000), 'a difference').to.be.a('string')
    }
  })
})

describe('the anchor queue', () => {
  it('never lowers a position, whatever order the batches arrive in', async () => {
    const { database } = await openPostgres()
    const write = writeAnchors(database)
    const family = await beginFamily(database, (await redisFamiliesOn(database)).families)
    const anchor = (generation: number) => ({
      family,
      audit: undefined,
      idleExpiresAt: later(1000),
      position: {
        generation,
        predecessor: generation - 1,
        rotatedAt: later(generation),
        keyVersion: 1,
        lateUsed: false,
      },
    })
    await write([anchor(5)])
    await write([anchor(3)])
    expect((await reread(database, family)).anchor).to.include({ generation: 5, predecessor: 4 })
  })

  it('keeps what could not be written, and writes only the furthest position of a family', async () => {
    const { database } = await openPostgres()
    const family = await beginFamily(database, (await redisFamiliesOn(database)).families)
    const batches: number[][] = []
    let fails = true
    const queue = anchorQueue(async (anchors) => {
      if (fails) throw new Error('no answer')
      batches.push(anchors.map(({ position }) => position.generation))
      return []
    }, recordingLogger())
    for (const generation of [2, 4, 3]) {
      queue.add({
        family,
        audit: undefined,
        idleExpiresAt: later(1),
        position: { generation, predecessor: 1, rotatedAt: later(0), keyVersion: 1, lateUsed: false },
      })
    }
    expect(await queue.flush().catch((error: Error) => error.message)).to.equal('no answer')
    expect(queue.waiting().families).to.equal(1)
    fails = false
    await queue.flush()
    expect(batches).to.deep.equal([[4]])
    expect(queue.waiting()).to.deep.equal({ families: 0, lagMs: 0 })
  })

  it('F-217 when the record takes no position of a family for long, it rotates no more, others do, and none is lost', async () => {
    const { database } = await openPostgres()
    let elapsed = 0
    const write = writeAnchors(database)
    const node = await redisFamilies(database, (await openRedis()).url, write, () => elapsed)
    const stuck = await beginFamily(database, node.families)
    const other = await beginFamily(database, node.families)
    const rotated = (family: RefreshFamily, presented: number) =>
      node.families
        .rotate(family, {
          presented,
          now: later(presented),
          keyVersion: 1,
          rules: RULES,
          idleExpiresAt: later(86_400),
        })
        .then(
          ({ outcome }) => outcome,
          ({ name }: Error) => name,
        )
    const holding = await holdRow(database, stuck)
    expect(await rotated(stuck, 1)).to.equal('rotated')
    expect(await rotated(other, 1)).to.equal('rotated')
    const failed = await node.anchors.flush().catch((error: Error) => error.message)
    expect(failed).to.include('1 rows are held')
    expect((await reread(database, other)).anchor.generation, 'the other is written').to.equal(2)
    elapsed = 15_000
    expect(node.anchors.waiting()).to.deep.equal({ families: 1, lagMs: 15_000 })
    expect(await rotated(stuck, 2), 'control').to.equal('rotated')
    elapsed = 15_001
    expect(await rotated(stuck, 3)).to.equal('Unavailable')
    expect(await rotated(other, 2)).to.equal('rotated')
    await holding.end()
    await node.anchors.flush()
    expect((await reread(database, stuck)).anchor.generation).to.equal(3)
    expect(await rotated(stuck, 3)).to.equal('rotated')
  })

  it('F-212 a write that hangs counts from when the record began to lag, not from when it fails', async () => {
    const { database } = await openPostgres()
    const family = await beginFamily(database, (await redisFamiliesOn(database)).families)
    let elapsed = 0
    let fail = (_: Error) => {}
    const hanging = () =>
      new Promise<never>((_, reject) => {
        fail = reject
      })
    const queue = anchorQueue(hanging, recordingLogger(), () => elapsed)
    const anchor = (generation: number) => ({
      family,
      audit: undefined,
      idleExpiresAt: later(1),
      position: { generation, predecessor: 1, rotatedAt: later(0), keyVersion: 1, lateUsed: false },
    })
    queue.add(anchor(2))
    const flushed = queue.flush().catch(() => 'failed')
    elapsed = 16_000
    expect([queue.isStalled(family.id), queue.waiting().lagMs]).to.deep.equal([true, 16_000])
    queue.add(anchor(3))
    fail(new Error('statement timeout'))
    expect(await flushed).to.equal('failed')
    expect([queue.isStalled(family.id), queue.waiting().lagMs], 'and after it').to.deep.equal([true, 16_000])
    expect(queue.isStalled(Buffer.alloc(16)), 'control: another family').to.equal(false)
  })

  /** Locks a family's row in a transaction of its own, as an operator's open session does. */
  async function holdRow(database: Database, { id }: RefreshFamily) {
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let locked = () => {}
    const isLocked = new Promise<void>((resolve) => {
      locked = resolve
    })
    const done = database.transaction(async (transaction) => {
      await transaction.query('select from refresh_families where id = $1 for update', [id])
      locked()
      await ended
    })
    await isLocked
    return {
      end: () => {
        end()
        return done
      },
    }
  }

  async function redisFamiliesOn(database: Database) {
    return redisFamilies(database, (await openRedis()).url)
  }
})

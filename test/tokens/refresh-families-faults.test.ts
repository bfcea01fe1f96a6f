import { chmodSync } from 'node:fs'
import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import { keyNames } from '../../src/redis/key-names.ts'
import type { Anchor } from '../../src/tokens/anchors.ts'
import type { RefreshFamilies, RefreshFamily, Rotation } from '../../src/tokens/refresh-families.ts'
import type { RotationRules } from '../../src/tokens/rotation.ts'
import { openPostgres } from '../support/postgres.ts'
import { openRedisFamilies, redisFamilies } from '../support/redis-families.ts'
import { openDirectories, type RedisNode, startRedisNode } from '../support/redis-node.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'
import { beginFamily, later, reread } from './refresh-families.contract.ts'

const RULES: RotationRules = { retryWindowSeconds: 60, latePolicy: 'supersede' }

/** One refresh: the family as the record has it (or as `read` had it earlier), presented to a node. */
async function present(
  on: { database: Database; families: RefreshFamilies; family: RefreshFamily },
  presented: number,
  seconds: number,
  more: { keyVersion?: number; read?: RefreshFamily } = {},
): Promise<Rotation> {
  return on.families.rotate(more.read ?? (await reread(on.database, on.family)), {
    presented,
    now: later(seconds),
    keyVersion: more.keyVersion ?? 1,
    rules: RULES,
    idleExpiresAt: later(seconds + 86_400),
  })
}

/** A server that can be taken away and come back, and where it keeps its data. */
async function openServer(...commandLine: string[]): Promise<RedisNode & { readonly directory: string }> {
  const directories = await openDirectories('redis')
  const directory = directories.make('data')
  const server = await startRedisNode({ directory, arguments: commandLine })
  afterwards(async () => {
    await server.stop()
    await directories.stop()
  })
  return { ...server, directory }
}

describe('a failover that loses what was acknowledged', () => {
  /**
   * A family whose token 1 was spent while the replica listened, and 2 and 3 while it did not any more. Then the replica
   * takes over: `after` is a node on it.
   * @param write what takes the anchors of the node before the failover to the record
   */
  async function losing(write?: () => Promise<readonly Anchor[]>) {
    const { database } = await openPostgres()
    const primary = await openServer()
    const replica = await openServer('--repl-diskless-sync-delay', '0')
    await replica.ask('REPLICAOF', '127.0.0.1', primary.port)
    await until(async () => String(await replica.ask('INFO', 'replication')).includes('link_status:up'))
    const before = await redisFamilies(database, primary.url, write)
    const family = await beginFamily(database, before.families)
    const on = { database, families: before.families, family }
    await present(on, 1, 10)
    await primary.ask('WAIT', 1, 1000)
    await until(async () => (await replica.ask('EXISTS', keyNames.refreshFamily(family.id))) === 1)
    await replica.ask('REPLICAOF', 'NO', 'ONE')
    await present(on, 2, 20)
    expect((await present(on, 3, 30)).position.generation).to.equal(4)
    await before.anchors.flush().catch(() => {})
    await primary.kill()
    const after = await redisFamilies(database, replica.url)
    return { database, families: after.families, family, replica }
  }
  const neverAnchored = async () => {
    throw new Error('the node was killed before')
  }

  it('R-31 the live token works, and the spent one is reuse after it', async () => {
    const on = await losing()
    expect(await on.replica.ask('HGET', keyNames.refreshFamily(on.family.id), 'g'), 'it lost two').to.equal(
      '2',
    )
    expect(await present(on, 4, 40)).to.deep.include({ outcome: 'rotated', rebuilt: true, degraded: false })
    expect((await present(on, 2, 50)).outcome).to.equal('reuse')
  })

  it('R-31 also where the anchors were lost with the node: the live token rolls both stores forward', async () => {
    const on = await losing(neverAnchored)
    expect((await reread(on.database, on.family)).anchor.generation, 'the record knows nothing').to.equal(1)
    expect(await present(on, 4, 40)).to.deep.include({ outcome: 'roll_forward', degraded: false })
    expect((await present(on, 2, 50)).outcome).to.equal('reuse')
    await on.families.flush()
    expect((await reread(on.database, on.family)).anchor).to.include({ generation: 5, predecessor: 4 })
  })

  it('R-32 a spent token that is presented first is refused by the anchor, though Redis would take it', async () => {
    const on = await losing()
    const read = { ...on.family }
    expect((await present(on, 2, 40)).outcome).to.equal('reuse')
    expect((await present(on, 2, 40, { read })).outcome, 'control: without the anchor').to.equal('rotated')
  })

  it('R-32 where both lost it, a thief gets one answer, and is found out by the live token', async () => {
    const on = await losing(neverAnchored)
    const stolen = await present(on, 2, 40)
    expect(stolen, 'the double fault').to.deep.include({ outcome: 'rotated' })
    expect((await present(on, 4, 41)).outcome, 'the client').to.equal('roll_forward')
    expect((await present(on, stolen.position.generation, 42)).outcome, 'the thief').to.equal('reuse')
  })
})

describe('a Redis that lost things, or has old ones', () => {
  it('R-05 a retry after Redis lost everything names the key version that the successor was made with', async () => {
    const { database, redis, first } = await openRedisFamilies()
    const on = { database, families: first.families, family: await beginFamily(database, first.families) }
    await present(on, 1, 10, { keyVersion: 1 })
    await first.families.flush()
    await redis.flushdb()
    const retried = await present(on, 1, 11, { keyVersion: 2 })
    expect(retried).to.deep.include({ outcome: 'retry', rebuilt: true })
    expect(retried.position).to.include({ generation: 2, keyVersion: 1 })
    const next = await present(on, 2, 12, { keyVersion: 2 })
    expect(next.position, 'control').to.include({ generation: 3, keyVersion: 2 })
  })

  it('R-35 ten rotations on the record, then Redis is back with old data: it is set right, not believed', async () => {
    const { database } = await openPostgres()
    const server = await openServer('--appendonly', 'yes', '--appendfsync', 'always')
    const node = await redisFamilies(database, server.url)
    const family = await beginFamily(database, node.families)
    const on = { database, families: node.families, family }
    await present(on, 1, 1)
    await node.families.flush()
    const read = await reread(database, family)
    await server.kill()
    for (let generation = 2; generation <= 11; generation++) {
      const rotation = await present(on, generation, generation)
      expect(rotation).to.deep.include({ outcome: 'rotated', degraded: true })
      expect(rotation.position.generation).to.equal(generation + 1)
    }
    await server.restart()
    await until(() => node.redis.status === 'ready')
    expect(await server.ask('HGET', keyNames.refreshFamily(family.id), 'g'), 'old data').to.equal('2')
    expect((await present(on, 2, 20)).outcome, 'what it believes to be live').to.equal('reuse')
    const next = await present(on, 12, 21)
    expect(next).to.deep.include({ outcome: 'rotated', rebuilt: true, degraded: false })
    expect(next.position.generation).to.equal(13)
    await server.ask('HSET', keyNames.refreshFamily(family.id), 'g', 2, 'p', 1)
    expect((await present(on, 2, 22, { read })).outcome, 'control: without the anchor').to.equal('rotated')
  })
})

describe('a Redis that refuses', () => {
  /** A node on a server of its own, with a family that has rotated there once. */
  async function open(...commandLine: string[]) {
    const { database } = await openPostgres()
    const server = await openServer(...commandLine)
    const node = await redisFamilies(database, server.url)
    const family = await beginFamily(database, node.families)
    const on = { database, families: node.families, family }
    expect(await present(on, 1, 1)).to.deep.include({ outcome: 'rotated', degraded: false })
    await node.families.flush()
    return { ...on, server, logger: node.logger }
  }

  for (const [what, refuse, allow] of [
    ['R-34 memory is full (OOM)', ['CONFIG SET maxmemory 1'], ['CONFIG SET maxmemory 0']],
    [
      'F-119 its ACL forbids scripts (NOPERM)',
      ['ACL SETUSER default -eval -evalsha'],
      ['ACL SETUSER default +eval +evalsha'],
    ],
    ['its ACL forbids what the script does', ['ACL SETUSER default -hset'], ['ACL SETUSER default +hset']],
    ['F-118 it cannot save (MISCONF)', ['BGSAVE'], ['CONFIG SET stop-writes-on-bgsave-error no']],
    [
      'it lacks replicas (NOREPLICAS)',
      ['CONFIG SET min-replicas-to-write 1'],
      ['CONFIG SET min-replicas-to-write 0'],
    ],
    ['it has become a replica (READONLY)', ['REPLICAOF 127.0.0.1 1'], ['REPLICAOF NO ONE']],
  ] as const) {
    it(`${what}: nothing is lost, it is said once, and Redis takes over again`, async () => {
      const on = await open('--save', '3600 1')
      // A directory that takes no file, as on a full disk.
      if (what.includes('MISCONF')) chmodSync(on.server.directory, 0o500)
      for (const command of refuse) await on.server.ask(...command.split(' '))
      await until(async () => {
        const info = String(await on.server.ask('INFO', 'persistence'))
        return info.includes('rdb_last_bgsave_status:err') === what.includes('MISCONF')
      })
      chmodSync(on.server.directory, 0o700)
      for (const generation of [2, 3, 4]) {
        expect(await present(on, generation, generation)).to.deep.include({
          outcome: 'rotated',
          degraded: true,
        })
      }
      for (const command of allow) await on.server.ask(...command.split(' '))
      let live = 5
      await until(async () => {
        const rotation = await present(on, live, live)
        expect(rotation.outcome).to.equal('rotated')
        live++
        return !rotation.degraded
      })
      expect((await present(on, 2, 60)).outcome, 'control').to.equal('reuse')
      const said = on.logger.lines.filter(({ message }) => message.startsWith('redis refuses'))
      expect(said).to.have.length(1)
      expect(said[0]?.fields['advice']).to.be.a('string')
    })
  }

  it('R-34 what is evicted is rebuilt, and no session is lost', async () => {
    const on = await open('--maxmemory-policy', 'allkeys-random', '--maxmemory', '2500kb')
    const key = keyNames.refreshFamily(on.family.id)
    for (let n = 0; (await on.server.ask('EXISTS', key)) === 1; n++) {
      await on.server.ask('SET', `filler:${n}`, 'x'.repeat(20_000))
    }
    expect(await present(on, 2, 2)).to.deep.include({ outcome: 'rotated', rebuilt: true, degraded: false })
    await on.families.flush()
    expect((await present(on, 1, 3)).outcome, 'control').to.equal('reuse')
  })

  it('F-119 it is busy with another’s script (BUSY): the record rotates meanwhile', async () => {
    const on = await open('--busy-reply-threshold', '10')
    const busy = on.server.ask('EVAL', 'while true do end', 0).catch(() => {})
    await until(async () => (await on.server.ask('PING').catch((error: Error) => error.message)) !== 'PONG')
    expect(await present(on, 2, 2)).to.deep.include({ outcome: 'rotated', degraded: true })
    await on.server.ask('SCRIPT', 'KILL')
    await busy
    await until(async () => !(await present(on, 2, 3)).degraded)
    expect(await present(on, 3, 4)).to.deep.include({ outcome: 'rotated', degraded: false })
  })

  it('F-119 scripts that were flushed are sent anew, many at once: nothing falls back', async () => {
    const on = await open()
    await on.server.ask('SCRIPT', 'FLUSH')
    const all = await Promise.all(Array.from({ length: 20 }, () => present(on, 2, 2)))
    expect(all.filter(({ degraded }) => degraded)).to.deep.equal([])
    expect(all.filter(({ outcome }) => outcome === 'rotated')).to.have.length(1)
  })
})

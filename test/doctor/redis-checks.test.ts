import { expect } from 'chai'
import { type RedisFacts, redisChecks } from '../../src/doctor/redis-checks.ts'
import { lookAtRedis } from '../../src/doctor/redis-facts-redis.ts'
import { startRedis } from '../support/redis.ts'
import { startCluster } from '../support/redis-cluster.ts'
import { startSentinel } from '../support/redis-sentinel.ts'
import { afterwards } from '../support/root-hooks.ts'

const INFO = {
  role: 'master',
  redis_version: '7.0.15',
  maxmemory: '0',
  maxmemory_policy: 'noeviction',
  used_memory: '1048576',
  aof_enabled: '1',
  connected_slaves: '0',
}
const SETTINGS = {
  maxmemory: '0',
  'maxmemory-policy': 'noeviction',
  appendonly: 'yes',
  appendfsync: 'everysec',
  'min-replicas-to-write': '0',
}

function facts(info: Record<string, string> = INFO, settings: Record<string, string> = SETTINGS): RedisFacts {
  return { info: new Map(Object.entries(info)), settings: new Map(Object.entries(settings)) }
}

function statuses(found: RedisFacts): Record<string, string> {
  return Object.fromEntries(redisChecks(found).map(({ check, status }) => [check, status]))
}

describe('the doctor and Redis', () => {
  it('finds nothing wrong with a healthy one', () => {
    for (const result of redisChecks(facts())) {
      expect(result, result.check).to.include({ status: 'ok', advice: null })
    }
  })

  for (const [what, check, status, info, settings] of [
    ['a replica', 'redis', 'fail', { role: 'slave' }, {}],
    ['a release before 7.0', 'redis version', 'fail', { redis_version: '6.2.14' }, {}],
    ['a later major release', 'redis version', 'ok', { redis_version: '10.0.0' }, {}],
    ['F-117 allkeys-lru', 'redis eviction', 'fail', {}, { 'maxmemory-policy': 'allkeys-lru' }],
    ['F-117 volatile-ttl', 'redis eviction', 'fail', {}, { 'maxmemory-policy': 'volatile-ttl' }],
    ['memory at 69 %', 'redis memory', 'ok', { used_memory: '69' }, { maxmemory: '100' }],
    ['memory at 70 %', 'redis memory', 'warn', { used_memory: '70' }, { maxmemory: '100' }],
    ['memory at 95 %', 'redis memory', 'fail', { used_memory: '95' }, { maxmemory: '100' }],
    ['no append-only file', 'redis persistence', 'warn', {}, { appendonly: 'no' }],
    ['an append-only file that is never synced', 'redis persistence', 'warn', {}, { appendfsync: 'no' }],
    ['an append-only file that is always synced', 'redis persistence', 'ok', {}, { appendfsync: 'always' }],
    ['replicas', 'redis replicas', 'ok', { connected_slaves: '2' }, { 'min-replicas-to-write': '1' }],
  ] as const) {
    it(`${what} is ${status}`, () => {
      const found = statuses(facts({ ...INFO, ...info }, { ...SETTINGS, ...settings }))
      expect(found).to.include({ [check]: status })
      expect(Object.values(found).filter((other) => other !== 'ok')).to.have.length(status === 'ok' ? 0 : 1)
    })
  }

  it('where CONFIG is forbidden, INFO says most of it', () => {
    expect(statuses(facts({ ...INFO, maxmemory_policy: 'allkeys-lru', aof_enabled: '0' }, {}))).to.deep.equal(
      {
        redis: 'ok',
        'redis version': 'ok',
        'redis eviction': 'fail',
        'redis memory': 'ok',
        'redis persistence': 'warn',
        'redis replicas': 'ok',
      },
    )
  })

  it('where both are forbidden, it says so and fails nothing', () => {
    const results = redisChecks(facts({}, {}))
    expect(results.filter(({ status }) => status === 'skipped')).to.have.length(5)
    expect(results.map(({ found }) => found).join('\n')).to.include('not permitted to look')
    expect(results.map(({ status }) => status)).not.to.include('fail')
  })

  describe('a real one', () => {
    it('that keeps everything is healthy; one that evicts and keeps nothing is found', async () => {
      const healthy = await startRedis({ arguments: ['--appendonly', 'yes', '--appendfsync', 'everysec'] })
      afterwards(healthy.stop)
      expect(Object.values(statuses(await lookAtRedis(healthy.url)))).to.deep.equal(Array(6).fill('ok'))

      const sick = await startRedis({
        arguments: ['--maxmemory-policy', 'allkeys-lru', '--maxmemory', '2mb'],
      })
      afterwards(sick.stop)
      expect(statuses(await lookAtRedis(sick.url))).to.include({
        redis: 'ok',
        'redis eviction': 'fail',
        'redis persistence': 'warn',
      })
    })

    it('whose ACL forbids INFO and CONFIG is reached all the same', async () => {
      const server = await startRedis({
        arguments: ['--user', 'keyturn', 'on', '>word', '~*', '&*', '+@all', '-info', '-config'],
      })
      afterwards(server.stop)
      const found = await lookAtRedis(server.url.replace('//', '//keyturn:word@'))
      expect(found.info.size + found.settings.size).to.equal(0)
      const failure = await lookAtRedis(server.url.replace('//', '//keyturn:wrong@')).catch(
        (error: Error) => error,
      )
      expect(failure).to.be.instanceOf(Error).with.property('message').that.includes('WRONGPASS')
    })

    it('that does not run is told from one that does', async () => {
      const failure = await lookAtRedis('redis://127.0.0.1:1').catch((error: Error) => error)
      expect(failure).to.be.instanceOf(Error).with.property('message').that.includes('ECONNREFUSED')
      expect(redisChecks({ reason: 'connect ECONNREFUSED' })).to.have.length(1)
      expect(redisChecks({ reason: 'connect ECONNREFUSED' })[0]).to.include({
        check: 'redis',
        status: 'fail',
      })
    })

    it('by Sentinel: who is primary, how many sentinels and replicas, and whether it may be cut off', async () => {
      const running = await startSentinel({ arguments: ['--appendonly', 'yes'] })
      afterwards(running.stop)
      const facts = await lookAtRedis(running.url)
      const results = redisChecks(facts)
      expect(statuses(facts)).to.include({ redis: 'ok', 'redis sentinels': 'ok', 'redis replicas': 'warn' })
      expect(results.find(({ check }) => check === 'redis sentinels')?.found).to.equal(
        `primary 127.0.0.1:${running.servers[0]?.port}, 2 replicas, 3 sentinels; 3 of 3 in the URL answer`,
      )
      await running.sentinels[0]?.kill()
      expect(statuses(await lookAtRedis(running.url))).to.include({ 'redis sentinels': 'warn' })
    })

    it('a cluster: its slots, and the settings of each master', async () => {
      const running = await startCluster({ arguments: ['--appendonly', 'yes'] })
      afterwards(running.stop)
      const [first] = running.masters
      await first?.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
      const found = statuses(await lookAtRedis(running.url))
      expect(Object.keys(found)).to.have.length(1 + 3 * 6)
      expect(found).to.include({
        'redis cluster': 'ok',
        [`redis eviction (127.0.0.1:${first?.port})`]: 'fail',
      })
      await first?.ask('CLUSTER', 'DELSLOTS', 0)
      expect(statuses(await lookAtRedis(running.url))).to.include({ 'redis cluster': 'fail' })
    })
  })
})

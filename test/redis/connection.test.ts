import { expect } from 'chai'
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts'
import { type GuardedCalls, guardedCalls } from '../../src/redis/guarded-calls.ts'
import { loadScripts } from '../../src/redis/scripts.ts'
import { makeLogger } from '../../src/telemetry/logger.ts'
import { recordingLogger } from '../support/logger.ts'
import { startRedis } from '../support/redis.ts'
import { startCluster } from '../support/redis-cluster.ts'
import { openDirectories, startRedisNode } from '../support/redis-node.ts'
import { startSentinel } from '../support/redis-sentinel.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'

/** A guarded connection as the application has it. */
function connect(url: string) {
  const logger = recordingLogger()
  const redis = connectRedis(url, logger)
  afterwards(async () => redis.disconnect())
  const calls = guardedCalls(redis, logger)
  return { redis, calls, logger, runScript: loadScripts(redis) }
}

/** One call, as a refresh makes it; what it could not do. */
function write(redis: RedisConnection, calls: GuardedCalls, key = 'rt:a'): Promise<string> {
  return calls.run(key, () => redis.set(key, '1')).catch((error: Error) => error.message)
}

async function worksAgain(redis: RedisConnection, calls: GuardedCalls, key?: string): Promise<number> {
  const start = performance.now()
  await until(async () => (await write(redis, calls, key)) === 'OK')
  const took = performance.now() - start
  if (process.env['KEYTURN_TEST_TIMES']) process.stderr.write(`works again after ${Math.round(took)} ms\n`)
  return took
}

async function openServer(commandLine: string[] = []) {
  const directories = await openDirectories('redis')
  const server = await startRedisNode({ directory: directories.make('data'), arguments: commandLine })
  afterwards(async () => {
    await server.stop()
    await directories.stop()
  })
  return server
}

describe('the connection to Redis', () => {
  it('F-112 a server that hangs is asked by few, then by nobody, and found again', async () => {
    const server = await openServer()
    const { redis, calls, logger } = connect(server.url)
    await worksAgain(redis, calls)
    server.pause()
    const slow: string[] = []
    // As long as it hangs, the connection ends and is not made anew: what is asked then fails before it is sent.
    await until(async () => {
      const said = await write(redis, calls)
      if (said === 'Command timed out' || said === 'no answer in time') slow.push(said)
      return redis.status !== 'ready'
    })
    expect(slow.length, 'requests that waited').to.be.within(3, 8)
    expect(calls.trouble()).to.equal('down')
    expect(await write(redis, calls)).to.equal('not connected')
    server.resume()
    await worksAgain(redis, calls)
    expect(calls.trouble()).to.equal(undefined)
    const said = logger.lines.map(({ message }) => message)
    expect(said.filter((message) => message.startsWith('redis hangs'))).to.have.length(1)
    expect(said.filter((message) => message === 'redis is back')).to.have.length(1)
  })

  it('F-110 a server that was killed is found again, and its scripts are sent anew', async () => {
    const server = await openServer()
    const { redis, calls, runScript } = connect(server.url)
    const rotate = () => {
      const position = [1, 0, 0, 1, 0]
      return calls.run('rt:a', () =>
        runScript('rotate-refresh-family-1', 'rt:a', 1, 5, 60_000, 0, 16, 1, 1000, ...position),
      )
    }
    await worksAgain(redis, calls, 'rt:b')
    expect(await rotate()).to.include.members([2])
    await server.kill()
    await server.restart()
    await worksAgain(redis, calls, 'rt:b')
    expect(await rotate()).to.include.members([2])
    await server.ask('SCRIPT', 'FLUSH')
    expect(await rotate()).to.include.members([2])
  })

  for (const [what, refuse, allow, code] of [
    ['F-117 full memory', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], 'OOM'],
    [
      'too few replicas',
      ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
      'NOREPLICAS',
    ],
    ['F-119 an ACL', ['ACL', 'SETUSER', 'default', '-set'], ['ACL', 'SETUSER', 'default', '+set'], 'NOPERM'],
  ] as const) {
    it(`${what} is a state: told once when it begins and once when it ends`, async () => {
      const server = await openServer()
      const { redis, calls, logger } = connect(server.url)
      await worksAgain(redis, calls)
      await server.ask(...refuse)
      for (let n = 0; n < 3; n++) expect(await write(redis, calls)).to.match(new RegExp(`^${code}`))
      expect(calls.trouble()).to.match(new RegExp(`^refuses the script: ${code} \\(.+\\)$`))
      await server.ask(...allow)
      expect(await write(redis, calls)).to.equal('OK')
      expect(calls.trouble()).to.equal(undefined)
      expect(logger.lines.map(({ message }) => message)).to.deep.equal([
        'redis refuses: refreshing on postgres meanwhile',
        'redis does its work again',
      ])
      expect(logger.lines[0]?.fields['advice']).to.be.a('string')
    })
  }

  it('a password with special characters is percent-encoded, for the server and in the URL', async () => {
    const password = 'a@b/c%d:e+f?g#h'
    const server = await openServer(['--user', 'keyturn', 'on', `>${password}`, '~*', '+@all'])
    const url = (word: string) => server.url.replace('//', `//keyturn:${encodeURIComponent(word)}@`)
    const { redis, calls } = connect(url(password))
    await worksAgain(redis, calls)
    const wrong = connect(url('other'))
    await until(() => wrong.logger.lines.length > 0)
    expect(wrong.redis.status, 'control').not.to.equal('ready')
    const written: string[] = []
    const logger = makeLogger('warn', { write: (line) => void written.push(line) })
    for (const { fields, message } of wrong.logger.lines) logger.warn(fields, message)
    expect(written.join('')).to.include('WRONGPASS')
    expect(written.join('')).not.to.include('other')
  })
})

describe('a connection that ioredis gives up', () => {
  it('F-114 because it was hung up while it connected is made again, unless it was closed', async () => {
    const running = await startRedis()
    afterwards(running.stop)
    const { redis, calls } = connect(running.url)
    // As its failover detector does when sentinels tell of a new primary.
    const { connector } = redis as unknown as { connector: { disconnect(): void } }
    connector.disconnect()
    await new Promise((resolve) => redis.once('end', () => resolve(undefined)))
    await worksAgain(redis, calls)

    const closed = connect(running.url).redis
    closed.disconnect()
    await new Promise((resolve) => closed.once('end', () => resolve(undefined)))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(closed.status, 'control').to.equal('end')
  })
})

describe('the connection by Sentinel', function () {
  this.timeout(60_000)

  for (const [what, fault] of [
    ['is killed', 'kill'],
    ['hangs', 'pause'],
    ['steps down', 'failover'],
  ] as const) {
    it(`F-114 follows when the primary ${what}`, async () => {
      const running = await startSentinel()
      afterwards(running.stop)
      const { redis, calls } = connect(running.url)
      await worksAgain(redis, calls)
      const old = await running.primary()
      if (fault === 'failover') await running.failover()
      else await old[fault]()
      await running.becomesOther(old)
      await worksAgain(redis, calls)
      const role = await redis.info('replication')
      expect(role).to.include('role:master')
      expect(calls.trouble()).to.equal(undefined)
    })
  }

  it('connects though the first sentinel hangs and the second is gone', async () => {
    const running = await startSentinel()
    afterwards(running.stop)
    running.sentinels[0]?.pause()
    await running.sentinels[1]?.kill()
    const { redis, calls } = connect(running.url)
    await worksAgain(redis, calls)
    running.sentinels[0]?.resume()
    expect(redis.status).to.equal('ready')
  })
})

describe('the connection to a Cluster', function () {
  this.timeout(60_000)

  it('F-115 follows a slot that moves, alone and among other commands', async () => {
    const running = await startCluster()
    afterwards(running.stop)
    const { redis, calls } = connect(running.url)
    await worksAgain(redis, calls)
    await running.migrateSlotOf('rt:a', async () => {
      expect(await write(redis, calls)).to.equal('OK')
    })
    const keys = Array.from({ length: 50 }, (_, number) => `rt:${number}`)
    const all = () => Promise.all(['rt:a', ...keys].map((key) => write(redis, calls, key)))
    await until(async () => (await all()).every((said) => said === 'OK'))
    expect(calls.trouble()).to.equal(undefined)
    // ioredis' own timer for reading the slots stays for ever where the connection is closed while it reads them.
    expect(Reflect.get(redis, 'slotsTimer')).to.equal(undefined)
  })

  it('F-115 one server that hangs holds up nobody else, and its replica takes over', async () => {
    const running = await startCluster({ replicas: true })
    afterwards(running.stop)
    const { redis, calls } = connect(running.url)
    await worksAgain(redis, calls)
    const owner = await running.ownerOf('rt:a')
    let other = ''
    for (let number = 0; other === ''; number++) {
      if ((await running.ownerOf(`rt:${number}`)) !== owner) other = `rt:${number}`
    }
    await worksAgain(redis, calls, other)
    owner.pause()
    let others = 0
    let slow = 0
    await until(async () => {
      const [said, elsewhere] = await Promise.all([write(redis, calls), write(redis, calls, other)])
      if (elsewhere === 'OK') others++
      if (/time/.test(said)) slow++
      return said === 'OK'
    })
    expect(others).to.be.greaterThan(slow)
    expect(slow, 'requests that waited').to.be.at.most(12)
    owner.resume()
  })

  it('F-115 one that hangs and has no replica is asked by few, then by nobody, and it is said once', async () => {
    const running = await startCluster()
    afterwards(running.stop)
    const { redis, calls, logger } = connect(running.url)
    await worksAgain(redis, calls)
    const owner = await running.ownerOf('rt:a')
    owner.pause()
    let slow = 0
    // Its connection is closed and made anew meanwhile: that is no reason to wait for it again.
    const paused = performance.now()
    await until(async () => {
      if (/time/.test(await write(redis, calls))) slow++
      return performance.now() - paused > 4000
    })
    expect(slow, 'requests that waited').to.be.within(3, 8)
    expect(calls.trouble()).to.be.a('string')
    owner.resume()
    await running.becomesOk()
    await worksAgain(redis, calls)
    expect(calls.trouble()).to.equal(undefined)
    const said = logger.lines.map(({ message }) => message)
    expect(new Set(said).size, 'nothing is said twice').to.equal(said.length)
    expect(said.at(-1)).to.equal('redis does its work again')
  })

  it('F-115 a server that is killed and comes back is used again', async () => {
    const running = await startCluster()
    afterwards(running.stop)
    const { redis, calls } = connect(running.url)
    await worksAgain(redis, calls)
    const owner = await running.ownerOf('rt:a')
    await owner.kill()
    expect(await write(redis, calls)).not.to.equal('OK')
    expect(calls.trouble()).to.be.a('string')
    await owner.restart()
    await running.becomesOk()
    await worksAgain(redis, calls)
  })
})

import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGuarded } from './guarded-process.ts'
import { openDirectories, type RedisNode, startNode, startRedisNode } from './redis-node.ts'
import { redisPrograms } from './server-programs.ts'
import { serverUser } from './server-user.ts'
import { until } from './until.ts'

/** A primary with two replicas, watched by three sentinels. */
export interface RunningSentinel {
  /** As KEYTURN_REDIS_URL has it. */
  readonly url: string
  /** The first is the primary until a failover. */
  readonly servers: readonly RedisNode[]
  readonly sentinels: readonly RedisNode[]
  /** Which server the sentinels say is the primary. */
  primary(): Promise<RedisNode>
  /** Asks for another primary, as an operator does, and resolves when the sentinels have one. */
  failover(): Promise<void>
  /** Resolves when the sentinels name another primary than `old`. */
  becomesOther(old: RedisNode): Promise<void>
  stop(): Promise<void>
}

export interface SentinelOptions {
  /** More of the servers' command line, for example `['--min-replicas-to-write', '1']`. */
  readonly arguments?: readonly string[]
}

const MASTER_NAME = 'keyturn'
const SERVERS = 3
const SENTINELS = 3
const QUORUM = 2
/** Production says 5000: tests need not wait that long. */
const DOWN_AFTER_MS = 500
const FAILOVER_TIMEOUT_MS = 3000

/** Starts them on 127.0.0.1 and resolves when all know each other; stop it afterwards. */
export async function startSentinel(options: SentinelOptions = {}): Promise<RunningSentinel> {
  const directories = await openDirectories('sentinel')
  const servers: RedisNode[] = []
  const sentinels: RedisNode[] = []
  async function stop() {
    for (const node of [...sentinels, ...servers]) await node.stop()
    await directories.stop()
  }
  try {
    for (let number = 0; number < SERVERS; number++) {
      const [primary] = servers
      servers.push(
        await startRedisNode({
          directory: directories.make(`server-${number}`),
          arguments: [
            // Otherwise a replica waits five seconds for others before it is sent its copy.
            ...['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'],
            ...(primary ? ['--replicaof', `127.0.0.1 ${primary.port}`] : []),
            ...(options.arguments ?? []),
          ],
        }),
      )
    }
    const [first] = servers
    if (!first) throw new Error('no server')
    await until(async () => {
      const info = String(await first.ask('INFO', 'replication'))
      return (info.match(/state=online/g) ?? []).length === SERVERS - 1
    })
    for (let number = 0; number < SENTINELS; number++) {
      sentinels.push(await startSentinelNode(directories.make(`sentinel-${number}`), first.port))
    }
    for (const sentinel of sentinels) {
      await until(async () => {
        const known = await asked(sentinel)
        return (
          known.get('num-other-sentinels') === String(SENTINELS - 1) &&
          known.get('num-slaves') === String(SERVERS - 1)
        )
      })
    }
  } catch (error) {
    await stop()
    throw error
  }

  async function primary(): Promise<RedisNode> {
    for (const sentinel of sentinels) {
      const address = await sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME).catch(() => [])
      const found = servers.find(({ port }) => Array.isArray(address) && Number(address[1]) === port)
      if (found) return found
    }
    throw new Error('no sentinel answers')
  }
  const becomesOther = (old: RedisNode) => until(async () => (await primary()) !== old)
  const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  return {
    url: `redis+sentinel://${addresses}/${MASTER_NAME}`,
    servers,
    sentinels,
    primary,
    async failover() {
      const old = await primary()
      for (const sentinel of sentinels) {
        const said = await sentinel.ask('SENTINEL', 'FAILOVER', MASTER_NAME).catch(() => undefined)
        if (said === 'OK') return becomesOther(old)
      }
      throw new Error('no sentinel begins a failover')
    },
    becomesOther,
    stop,
  }
}

/** A sentinel writes what it learns into its own configuration file. */
async function startSentinelNode(directory: string, primaryPort: number): Promise<RedisNode> {
  const programs = await redisPrograms()
  const file = join(directory, 'sentinel.conf')
  const lines = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_TIMEOUT_MS}`,
    `sentinel parallel-syncs ${MASTER_NAME} 2`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const user = serverUser()
  if ('uid' in user) chownSync(file, user.uid, user.gid)
  return startNode(async (port) => {
    const server = await startGuarded({
      command: programs.server,
      arguments: [
        file,
        '--sentinel',
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--daemonize', 'no'],
      ],
      environment: programs.environment,
      directory,
      removeDirectory: false,
      stopSignal: 'TERM',
      ready: /\+monitor master/,
    })
    return { ...server, port, url: `redis://127.0.0.1:${port}` }
  })
}

/** What a sentinel knows of the primary. */
async function asked(sentinel: RedisNode): Promise<Map<string, string>> {
  const reply = await sentinel.ask('SENTINEL', 'MASTER', MASTER_NAME)
  const flat = Array.isArray(reply) ? reply.map(String) : []
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [])))
}

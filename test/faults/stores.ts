import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { openDirectories } from '../support/redis-node.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RunningServer } from '../support/running-server.ts'

/** A server that is taken away and comes back on the same port, with what its disk kept. */
export interface Store {
  readonly port: number
  /** SIGKILL. */
  kill(): Promise<void>
  /** As an operator stops it. */
  stop(): Promise<void>
  /** Comes back, with other arguments where some are given; nothing where it is up. */
  start(more?: readonly string[]): Promise<void>
  /** SIGSTOP and SIGCONT. */
  pause(): void
  resume(): void
  pid(): number
  close(): Promise<void>
}

/** Redis alone, and a client on it for the suite's own mischief. */
export interface RedisStore extends Store {
  readonly url: string
  /** Where it keeps what it keeps. */
  readonly directory: string
  /** Runs one command on a connection of the suite's own, as a user of its own who may do everything. */
  command(...words: [string, ...(string | number)[]]): Promise<unknown>
}

/** PostgreSQL, and a pool of the suite's own on it. */
export interface PostgresStore extends Store {
  readonly url: string
  readonly directory: string
  readonly database: Database
}

/** A commit is in the operating system's hands when it is acknowledged: it outlives the process, as in production. */
const POSTGRES_SETTINGS = { synchronous_commit: 'on', max_connections: '120' }

const COMMAND_TIMEOUT_MS = 5000
/** After `kill`, the server's children may live a moment longer and hold what the next one needs. */
const START_ATTEMPTS = 20
const START_AGAIN_MS = 250
/** The nodes' user may lose its rights or its password: the suite has its own. Not set by `ACL`, which a restart forgets. */
const SUITE_USER = ['--user', 'suite', 'on', 'nopass', '~*', '&*', '+@all']
const REDIS_ARGUMENTS = ['--enable-debug-command', 'yes', ...SUITE_USER]

async function makeStore(
  name: string,
  open: (options: {
    port?: number
    directory: string
    arguments: readonly string[]
  }) => Promise<RunningServer>,
): Promise<Store & { url: string; directory: string }> {
  const directories = await openDirectories(name)
  const directory = directories.make('data')
  let running: RunningServer | undefined = await open({ directory, arguments: [] })
  const { port, url } = running

  async function start(more: readonly string[] = []): Promise<void> {
    for (let left = START_ATTEMPTS; running === undefined; left--) {
      try {
        running = await open({ port, directory, arguments: more })
      } catch (error) {
        if (left === 1) throw error
        await delay(START_AGAIN_MS)
      }
    }
  }

  return {
    ...{ port, url, directory, start },
    pid: () => running?.pid ?? 0,
    async kill() {
      const server = running
      running = undefined
      await server?.kill()
    },
    async stop() {
      const server = running
      running = undefined
      await server?.stop()
    },
    pause: () => running?.pause(),
    resume: () => running?.resume(),
    async close() {
      running?.resume()
      await running?.stop()
      await directories.stop()
    },
  }
}

/** Starts a private Redis. */
export async function openRedisStore(): Promise<RedisStore> {
  const store = await makeStore('redis', (options) =>
    startRedis({ ...options, arguments: [...REDIS_ARGUMENTS, ...options.arguments] }),
  )
  return {
    ...store,
    async command(...[name, ...words]) {
      const client = new Redis(store.url, {
        ...{ username: 'suite', password: 'any', protocol: 2 },
        ...{ retryStrategy: () => null, commandTimeout: COMMAND_TIMEOUT_MS },
      })
      client.on('error', () => {}) // the command is rejected
      try {
        return await client.call(name, ...words)
      } finally {
        client.disconnect()
      }
    },
  }
}

/** Starts a private PostgreSQL with the present schema. */
export async function openPostgresStore(): Promise<PostgresStore> {
  const store = await makeStore('postgres', (options) =>
    startPostgres({ ...options, settings: POSTGRES_SETTINGS }),
  )
  await migrate({ connectionString: store.url })
  const database = openDatabase({ connectionString: store.url, max: 4 })
  return {
    ...store,
    database,
    async close() {
      await database.close()
      await store.close()
    },
  }
}

import { rmSync } from 'node:fs'
import { Redis } from 'ioredis'
import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RunningServer } from '../support/running-server.ts'
import { serverDirectory } from '../support/server-user.ts'

/** A server that is taken away and comes back on the same port, with what its disk kept. */
export interface Store {
  readonly port: number
  /** SIGKILL. */
  kill(): Promise<void>
  /** Comes back; nothing where it is up. */
  start(): Promise<void>
  /** SIGSTOP and SIGCONT. */
  pause(): void
  resume(): void
  pid(): number
  close(): Promise<void>
}

/** Redis alone, and a client on it for the suite's own mischief. */
export interface RedisStore extends Store {
  readonly url: string
  /** Comes back with other arguments than before. */
  restart(more: readonly string[]): Promise<void>
  /** Runs one command on a connection of the suite's own. */
  command(...words: [string, ...(string | number)[]]): Promise<unknown>
}

/** PostgreSQL, and a pool of the suite's own on it. */
export interface PostgresStore extends Store {
  readonly url: string
  readonly database: Database
}

/** A commit is in the operating system's hands when it is acknowledged: it outlives the process, as in production. */
const POSTGRES_SETTINGS = { synchronous_commit: 'on', max_connections: '120' }

async function makeStore(
  name: string,
  open: (options: { port?: number; directory: string }) => Promise<RunningServer>,
): Promise<Store & { url: string }> {
  const directory = serverDirectory(name)
  let running: RunningServer | undefined = await open({ directory })
  const { port, url } = running
  return {
    port,
    url,
    pid: () => running?.pid ?? 0,
    async kill() {
      const server = running
      running = undefined
      await server?.kill()
    },
    async start() {
      running ??= await open({ port, directory })
    },
    pause: () => running?.pause(),
    resume: () => running?.resume(),
    async close() {
      running?.resume()
      await running?.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Starts a private Redis. */
export async function openRedisStore(): Promise<RedisStore> {
  let more: readonly string[] = []
  const store = await makeStore('redis', (options) => startRedis({ ...options, arguments: more }))
  return {
    ...store,
    async restart(args) {
      more = args
      await store.kill()
      await store.start()
    },
    async command(...[name, ...words]) {
      const client = new Redis(store.url, { protocol: 2, retryStrategy: () => null, commandTimeout: 5000 })
      client.on('error', () => {})
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

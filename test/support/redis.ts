import { Redis } from 'ioredis'
import { startRedis } from './redis-server.ts'
import { afterwards } from './root-hooks.ts'
import { sharedServer } from './shared-servers.ts'

export { type RedisOptions, startRedis } from './redis-server.ts'

/** An empty Redis database of one's own. */
export interface OpenRedis {
  readonly url: string
  /** A plain client on it, for looking behind the back of what is tested. */
  readonly client: Redis
}

/** A server has databases 0 to 15 unless it is told otherwise. */
const DATABASES = 16

const server = sharedServer(async () => {
  const given = process.env['KEYTURN_TEST_REDIS_URL']
  const running = given ? { url: given, stop: async () => {} } : await startRedis()
  return { ...running, free: Array.from({ length: DATABASES }, (_, number) => DATABASES - 1 - number) }
})

/**
 * An empty database on the run's Redis server, emptied again and free for others after the test (or, when it was
 * opened outside one, at the end of the run). On a server of yours (`KEYTURN_TEST_REDIS_URL`) databases that hold
 * something are left alone.
 * @throws Error when no empty database is left
 */
export async function openRedis(): Promise<OpenRedis> {
  const { url: serverUrl, free } = await server()
  for (;;) {
    const database = free.pop()
    if (database === undefined) throw new Error(`no empty database is left on the Redis server`)
    const url = new URL(`/${database}`, serverUrl)
    url.search = new URL(serverUrl).search
    const client = new Redis(url.href, { protocol: 2 })
    client.on('error', () => {}) // a test may take the server away; commands still fail
    if ((await client.dbsize()) > 0) {
      client.disconnect()
      continue
    }
    afterwards(async () => {
      await client.flushdb()
      client.disconnect()
      free.push(database)
    })
    return { url: url.href, client }
  }
}

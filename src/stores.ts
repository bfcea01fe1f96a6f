import type { Redis } from 'ioredis'
import type { Config } from './config.ts'
import { type ConnectionSettings, type Database, openDatabase } from './postgres/database.ts'
import type { Logger } from './telemetry/logger.ts'

/** The stores of the mode that the configuration asks for. */
export interface Stores {
  readonly database: Database
  readonly redis: Redis | undefined
  close(): Promise<void>
}

const CONNECTIONS = 20
/** A statement that takes longer is given up: the caller has been told 503 long before. */
const STATEMENT_TIMEOUT_MS = 5000
const CONNECT_TIMEOUT_MS = 2000

/** How to reach the configured PostgreSQL server, for the pool and for migrations. */
export function serverSettings(databaseUrl: string): ConnectionSettings {
  return {
    connectionString: databaseUrl,
    application_name: 'keyturn',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1000,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  }
}

/**
 * Opens the stores. A server that is down is not an error; an embedded data directory that another process holds is.
 * @throws Refusal when the data directory cannot be had
 */
export async function openStores(config: Config, logger: Logger): Promise<Stores> {
  // Loaded where they are used: a command that works on a server need not wait for PGlite or the Redis client.
  if (config.databaseUrl === undefined) {
    const { openEmbedded } = await import('./embedded/open-embedded.ts')
    const embedded = await openEmbedded({ directory: config.dataDirectory })
    const database = openDatabase(embedded.settings)
    return {
      database,
      redis: undefined,
      async close() {
        await database.close()
        await embedded.close()
      },
    }
  }
  const database = openDatabase(serverSettings(config.databaseUrl))
  const redis = config.redisUrl === undefined ? undefined : await connect(config.redisUrl, logger)
  return {
    database,
    redis,
    async close() {
      redis?.disconnect()
      await database.close()
    },
  }
}

async function connect(redisUrl: string, logger: Logger): Promise<Redis> {
  const { connectRedis } = await import('./redis/connection.ts')
  return connectRedis(redisUrl, logger)
}

import type { Config } from './config.ts'
import { openEmbedded } from './embedded/open-embedded.ts'
import { type Database, openDatabase } from './postgres/database.ts'
import { serverSettings } from './postgres/server-settings.ts'
import { connectRedis, type RedisConnection } from './redis/connection.ts'
import type { Logger } from './telemetry/logger.ts'

/** The stores of the mode that the configuration asks for. */
export interface Stores {
  readonly database: Database
  readonly redis: RedisConnection | undefined
  close(): Promise<void>
}

/**
 * Opens the stores. A server that is down is not an error; an embedded data directory that another process holds is.
 * @throws Refusal when the data directory cannot be had
 */
export async function openStores(config: Config, logger: Logger): Promise<Stores> {
  if (config.databaseUrl === undefined) {
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
  const database = openDatabase(serverSettings(config.databaseUrl, config.workers))
  const redis = config.redisUrl === undefined ? undefined : connectRedis(config.redisUrl, logger)
  return {
    database,
    redis,
    async close() {
      redis?.disconnect()
      await database.close()
    },
  }
}

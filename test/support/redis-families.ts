import type { Database } from '../../src/postgres/database.ts'
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts'
import { loadScripts } from '../../src/redis/scripts.ts'
import { type AnchorQueue, anchorQueue } from '../../src/tokens/anchors.ts'
import { writeAnchors } from '../../src/tokens/anchors-postgres.ts'
import type { RefreshFamilies } from '../../src/tokens/refresh-families.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { refreshFamiliesRedis } from '../../src/tokens/refresh-families-redis.ts'
import { recordingLogger } from './logger.ts'
import { openPostgres } from './postgres.ts'
import { openRedis } from './redis.ts'
import { afterwards } from './root-hooks.ts'

/** One node's families over Redis and the record, as app.ts joins them. */
export async function redisFamilies(
  database: Database,
  redisUrl: string,
): Promise<{ families: RefreshFamilies; anchors: AnchorQueue; redis: RedisConnection }> {
  const logger = recordingLogger()
  const redis = connectRedis(redisUrl, logger)
  await new Promise((resolve) => redis.once('ready', resolve))
  const record = refreshFamiliesPostgres(database)
  const anchors = anchorQueue(writeAnchors(database), logger)
  const families = refreshFamiliesRedis({ redis, runScript: loadScripts(redis), record, anchors, logger })
  afterwards(async () => {
    await anchors.flush().catch(() => {})
    redis.disconnect()
  })
  return { families, anchors, redis }
}

/** Two nodes over one private Redis database and one private Postgres database. */
export async function openRedisFamilies() {
  const { database } = await openPostgres()
  const { url, client } = await openRedis()
  const [first, second] = [await redisFamilies(database, url), await redisFamilies(database, url)]
  return { database, redis: client, first, second, nodes: [first.families, second.families] as const }
}

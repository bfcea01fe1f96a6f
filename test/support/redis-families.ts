import { monotonicMs } from '../../src/clock.ts'
import type { Database } from '../../src/postgres/database.ts'
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts'
import { loadScripts } from '../../src/redis/scripts.ts'
import { type AnchorQueue, anchorQueue } from '../../src/tokens/anchors.ts'
import { writeAnchors } from '../../src/tokens/anchors-postgres.ts'
import type { RefreshFamilies } from '../../src/tokens/refresh-families.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { refreshFamiliesRedis } from '../../src/tokens/refresh-families-redis.ts'
import { type RecordingLogger, recordingLogger } from './logger.ts'
import { openPostgres } from './postgres.ts'
import { openRedis } from './redis.ts'
import { afterwards } from './root-hooks.ts'

/** One node's families over Redis and the record, and what it logs. */
export interface RedisFamilies {
  readonly families: RefreshFamilies
  readonly anchors: AnchorQueue
  readonly redis: RedisConnection
  readonly logger: RecordingLogger
}

/**
 * Joins one node's families over Redis and the record, as app.ts does.
 * @param write what takes its anchors to the record; another for a node that is killed before it does
 * @param elapsedMs by which it tells how long the record has lagged
 */
export async function redisFamilies(
  database: Database,
  redisUrl: string,
  write = writeAnchors(database),
  elapsedMs = monotonicMs,
): Promise<RedisFamilies> {
  const logger = recordingLogger()
  const redis = connectRedis(redisUrl, logger)
  await new Promise((resolve) => redis.once('ready', resolve))
  const record = refreshFamiliesPostgres(database)
  const anchors = anchorQueue(write, logger, elapsedMs)
  const families = refreshFamiliesRedis({ redis, runScript: loadScripts(redis), record, anchors, logger })
  afterwards(async () => {
    await anchors.flush().catch(() => {})
    redis.disconnect()
  })
  return { families, anchors, redis, logger }
}

/** Two nodes over one private Redis database and one private Postgres database. */
export async function openRedisFamilies() {
  const { database } = await openPostgres()
  const { url, client } = await openRedis()
  const [first, second] = [await redisFamilies(database, url), await redisFamilies(database, url)]
  return { database, redis: client, first, second, nodes: [first.families, second.families] as const }
}

import type { Database } from './postgres/database.ts'
import type { RedisConnection } from './redis/connection.ts'
import { type GuardedCalls, guardedCalls } from './redis/guarded-calls.ts'
import { loadScripts } from './redis/scripts.ts'
import type { Logger } from './telemetry/logger.ts'
import { type AnchorQueue, anchorQueue } from './tokens/anchors.ts'
import { writeAnchors } from './tokens/anchors-postgres.ts'
import type { RefreshFamilies } from './tokens/refresh-families.ts'
import { refreshFamiliesPostgres } from './tokens/refresh-families-postgres.ts'
import { refreshFamiliesRedis } from './tokens/refresh-families-redis.ts'

/** The refresh families, and what they write and call with, for those who watch it. */
export interface Families {
  readonly families: RefreshFamilies
  readonly anchors: AnchorQueue
  readonly calls: GuardedCalls | undefined
}

/** Builds them: in Redis with the record behind it, or in the record alone where there is no Redis. */
export function buildFamilies(parts: {
  database: Database
  redis: RedisConnection | undefined
  logger: Logger
}): Families {
  const { database, redis, logger } = parts
  const record = refreshFamiliesPostgres(database)
  const anchors = anchorQueue(writeAnchors(database), logger)
  const calls = redis && guardedCalls(redis, logger)
  const families: RefreshFamilies = redis
    ? refreshFamiliesRedis({ redis, runScript: loadScripts(redis), calls, record, anchors, logger })
    : record
  return { families, anchors, calls }
}

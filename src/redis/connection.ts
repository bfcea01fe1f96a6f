import { Redis } from 'ioredis'
import type { Logger } from '../telemetry/logger.ts'

/** An answer that takes longer than this is none: the record takes over. */
const COMMAND_TIMEOUT_MS = 250
const CONNECT_TIMEOUT_MS = 1000

/**
 * Connects to Redis. Nothing queues while it is away and nothing waits long for it: refreshing falls back on Postgres
 * (docs/adr/0003-refresh-families.md), so a quick failure is worth more than a late answer.
 * @param url `redis://` or `rediss://`
 */
export function connectRedis(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    protocol: 2,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
    // A demoted primary answers READONLY: connect anew, and by name find the one that took over.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    retryStrategy: (attempt) => Math.min(attempt * 100, 1000),
  })
  let reachable = true
  redis.on('error', (error: Error) => {
    if (reachable) logger.warn({ err: error }, 'redis is not reachable: refreshing on postgres meanwhile')
    reachable = false
  })
  redis.on('ready', () => {
    if (!reachable) logger.warn({}, 'redis is back')
    reachable = true
  })
  return redis
}

import { Cluster, type CommonRedisOptions, Redis } from 'ioredis'
import type { Logger } from '../telemetry/logger.ts'
import { parseRedisUrl, type RedisAddress } from './redis-url.ts'

/** A connection to Redis, whatever its topology; commands of one key work on either. */
export type RedisConnection = Redis | Cluster

/** An answer that takes longer than this is none: the record takes over. */
const COMMAND_TIMEOUT_MS = 250
const CONNECT_TIMEOUT_MS = 1000
/** A server that owes an answer and has sent nothing for so long hangs: leave it, and ask who serves now. */
const SOCKET_TIMEOUT_MS = 1000
/** A server that hangs does not say goodbye: so long we wait for that before somebody else may be asked. */
const GOODBYE_MS = 100
/** A sentinel that hangs must not keep us from asking the next one. ioredis would wait for ever. */
const SENTINEL_TIMEOUT_MS = 500
/** Others tell of a failover meanwhile. */
const SENTINEL_RETRY_MS = 30_000
const RETRY_STEP_MS = 100
const RETRY_MOST_MS = 1000
/** A cluster's slots are read again this often, so that a move is known before somebody runs into it. */
const SLOTS_REFRESH_MS = 5000

/**
 * Connects to Redis. Nothing queues while it is away and nothing waits long for it: refreshing falls back on Postgres
 * (docs/adr/0003-refresh-families.md), so a quick failure is worth more than a late answer. It is found again by
 * itself, whoever serves by then (docs/adr/0010-redis-topologies.md).
 * @param url as `parseRedisUrl` takes it
 * @throws RedisUrlProblem
 */
export function connectRedis(url: string, logger: Logger): RedisConnection {
  const address = parseRedisUrl(url)
  const redis = address.topology === 'cluster' ? connectCluster(address) : connectServer(address)
  let reachable = true
  redis.on('error', (error: Error) => {
    // Of a cluster it says only that no node could be asked; this says why.
    const err = (error as Error & { lastNodeError?: Error }).lastNodeError ?? error
    if (reachable) logger.warn({ err }, 'redis is not reachable: refreshing on postgres meanwhile')
    reachable = false
  })
  redis.on('ready', () => {
    if (!reachable) logger.warn({}, 'redis is back')
    reachable = true
  })
  return redis
}

/** What each connection to a server that holds data has. */
function serverOptions({ username, password, isTls }: RedisAddress) {
  return {
    protocol: 2,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
    autoResendUnfulfilledCommands: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  } satisfies CommonRedisOptions
}

function connectServer(address: RedisAddress): Redis {
  const { topology, nodes, database } = address
  const options = {
    ...serverOptions(address),
    db: database,
    disconnectTimeout: GOODBYE_MS,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    // A demoted primary answers READONLY: connect anew, and by name find the one that took over.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    retryStrategy: retryDelay,
  }
  if (topology === 'standalone') return neverGivingUp(new Redis({ ...options, ...nodes[0] }))
  const redis = new Redis({
    ...options,
    sentinels: [...nodes],
    name: address.primaryName ?? '',
    role: 'master',
    // Told by the sentinels when another takes over, while the old one may still answer.
    failoverDetector: true,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    sentinelRetryStrategy: retryDelay,
    // Each attempt at a sentinel that is gone is a line on stderr, which ioredis does not let us keep from it.
    sentinelReconnectStrategy: () => SENTINEL_RETRY_MS,
    ...(address.sentinelUsername === undefined ? {} : { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword === undefined ? {} : { sentinelPassword: address.sentinelPassword }),
    ...(address.isTls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
  })
  return neverGivingUp(redis)
}

/**
 * When sentinels tell of a failover just while ioredis connects, it takes its own hanging up for somebody's wish and ends
 * for good: without this, all refreshes would go to PostgreSQL until the process is started again.
 */
function neverGivingUp(redis: Redis): Redis {
  let isClosed = false
  const disconnect = redis.disconnect.bind(redis)
  redis.disconnect = (reconnect) => {
    isClosed ||= reconnect !== true
    disconnect(reconnect)
  }
  redis.on('end', () => {
    if (isClosed) return
    setTimeout(() => {
      if (!isClosed) redis.connect().catch(() => {}) // it says so as an error event, and ends again
    }, RETRY_STEP_MS)
  })
  return redis
}

function connectCluster(address: RedisAddress): Cluster {
  const cluster = new Cluster([...address.nodes], {
    redisOptions: serverOptions(address),
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    scaleReads: 'master',
    // Names stay names: each connection resolves them anew, and certificates are made out to them.
    dnsLookup: (host, callback) => callback(null, host),
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    clusterRetryStrategy: retryDelay,
    // The record takes over at once, rather than a request wait for the cluster to sort itself out.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
  })
  // Not by ioredis' own interval: hanging up in the middle of a refresh leaves its timer running for ever, one more with
  // each connection that is lost, and the process does not end.
  const timer = setInterval(() => {
    if (cluster.status === 'ready') cluster.refreshSlotsCache()
  }, SLOTS_REFRESH_MS).unref()
  cluster.once('end', () => clearInterval(timer))
  return cluster
}

/** Longer with each attempt, never above a second, and not the same for all nodes at once. */
function retryDelay(attempt: number): number {
  const most = Math.min(attempt * RETRY_STEP_MS, RETRY_MOST_MS)
  return Math.round(most * (0.5 + Math.random() / 2))
}

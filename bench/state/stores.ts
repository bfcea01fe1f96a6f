import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { auditChainPostgres } from '../../src/audit/audit-chain-postgres.ts'
import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import { loadScripts } from '../../src/redis/scripts.ts'
import { anchorQueue } from '../../src/tokens/anchors.ts'
import { writeAnchors } from '../../src/tokens/anchors-postgres.ts'
import type { RefreshFamilies } from '../../src/tokens/refresh-families.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { refreshFamiliesRedis } from '../../src/tokens/refresh-families-redis.ts'
import { startPostgres } from '../../test/support/postgres-server.ts'
import { startRedis } from '../../test/support/redis-server.ts'

/** Private servers with the stores on them, as standard mode joins them. */
export interface OpenStores {
  readonly database: Database
  readonly redis: Redis
  readonly families: RefreshFamilies
  readonly versions: { readonly postgres: string; readonly redis: string }
  /** Chains what waits in the audit log, as a node does twice a second. */
  chainAudit(): Promise<void>
  close(): Promise<void>
}

/** As in production where it decides what is written; commits wait for no disk, which changes times and not sizes. */
const POSTGRES_SETTINGS = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'off',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  autovacuum: 'on',
  autovacuum_naptime: '5s',
}

const logger = { debug() {}, info() {}, warn: complain, error: complain }

/** Starts a Redis and a PostgreSQL of our own, empty but for the schema. */
export async function openStores(): Promise<OpenStores> {
  const [postgres, server] = await Promise.all([startPostgres({ settings: POSTGRES_SETTINGS }), startRedis()])
  const settings = { connectionString: postgres.url, max: 16 }
  await migrate(settings)
  const database = openDatabase(settings)
  const redis = connectRedis(server.url, logger)
  if (!(redis instanceof Redis)) throw new Error('not a single server')
  await new Promise((resolve) => redis.once('ready', resolve))
  const record = refreshFamiliesPostgres(database)
  const anchors = anchorQueue(writeAnchors(database), logger)
  const families = refreshFamiliesRedis({ redis, runScript: loadScripts(redis), record, anchors, logger })
  const chain = auditChainPostgres(database)
  const key = { version: 1, key: randomBytes(32) }
  const [version] = await database.query<{ server_version: string }>('show server_version')
  return {
    database,
    redis,
    families,
    versions: {
      postgres: version?.server_version ?? '',
      redis: /^redis_version:(.*)\r?$/m.exec(await redis.info('server'))?.[1]?.trim() ?? '',
    },
    async chainAudit() {
      for (;;) {
        const extended = await chain.extend(key)
        if (extended.outcome === 'busy' || extended.rows === 0) return
      }
    },
    async close() {
      redis.disconnect()
      await database.close()
      await Promise.all([postgres.stop(), server.stop()])
    },
  }
}

function complain(_fields: object, message: string): void {
  process.stderr.write(`${message}\n`)
}

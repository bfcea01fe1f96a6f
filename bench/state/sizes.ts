import type { Redis } from 'ioredis'
import type { Database } from '../../src/postgres/database.ts'
import { tableNames } from './count.ts'

/** Bytes on disk of one table. */
export interface TableSize {
  readonly table: string
  readonly heap: number
  readonly indexes: number
}

/** Every table with its partitions, what is not inline, and its indexes. */
export async function tableSizes(database: Database): Promise<TableSize[]> {
  const sizes: TableSize[] = []
  for (const table of await tableNames(database)) {
    const [row] = await database.query<{ heap: string; indexes: string }>(
      `select sum(pg_table_size(relid)) as heap, sum(pg_indexes_size(relid)) as indexes
       from (select relid from pg_partition_tree($1::regclass) union select $1::regclass) as parts`,
      [table],
    )
    sizes.push({ table, heap: Number(row?.heap), indexes: Number(row?.indexes) })
  }
  return sizes
}

/** How far the write-ahead log has come, bytes. */
export async function walPosition(database: Database): Promise<number> {
  const [row] = await database.query<{ bytes: string }>(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes`,
  )
  return Number(row?.bytes)
}

/** Updates of a table so far, how many of them touched no index, and what autovacuum has done. */
export async function updatesOf(database: Database, table: string) {
  await database.query('select pg_stat_force_next_flush()')
  const [row] = await database.query<Record<'updated' | 'hot' | 'dead' | 'vacuumed', string>>(
    `select n_tup_upd as updated, n_tup_hot_upd as hot, n_dead_tup as dead, autovacuum_count as vacuumed
     from pg_stat_user_tables where relname = $1`,
    [table],
  )
  return {
    updated: Number(row?.updated),
    hot: Number(row?.hot),
    dead: Number(row?.dead),
    vacuumed: Number(row?.vacuumed),
  }
}

/** What Redis has allocated for data and its own bookkeeping, bytes. */
export async function redisMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
}

/** MEMORY USAGE of some keys, on average: what the entry itself takes. */
export async function redisKeySize(redis: Redis, keys: readonly string[]): Promise<number> {
  const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)))
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) / keys.length
}

/** What a call of the rotation script takes of Redis' one thread, microseconds on average. */
export async function scriptMicroseconds(redis: Redis): Promise<number> {
  const usage = /^cmdstat_evalsha:.*usec_per_call=([\d.]+)/m.exec(await redis.info('commandstats'))
  return Number(usage?.[1])
}

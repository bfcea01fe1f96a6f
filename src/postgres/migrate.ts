import knexFactory, { type Knex } from 'knex'
import { MIGRATIONS } from '../../migrations/all.ts'
import { Refusal } from '../refusal.ts'
import { Unavailable } from '../unavailable.ts'
import type { ConnectionSettings, Queryable } from './database.ts'
import { isOutage } from './sql-state.ts'

/** One number for all nodes: whoever holds this advisory lock migrates. */
const MIGRATION_LOCK = 7_600_001
const TABLE = 'schema_migrations'

/** What knex says where the database has more migrations than we. */
const FOREIGN_MIGRATIONS = /migration directory is corrupt, the following files are missing: (.*)/

/** Knex would write to stdout, which belongs to what a command prints; what matters of it is thrown as well. */
const SILENT: Knex.Logger = { debug() {}, deprecate() {}, error() {}, warn() {} }

const source: Knex.MigrationSource<(typeof MIGRATIONS)[number]> = {
  getMigrations: async () => [...MIGRATIONS],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => ({ up: migration.up, down: refuseDown }),
}

/**
 * Brings the schema up to date. Each migration is a transaction of its own, all or nothing, so that the release that still
 * serves waits for one at a time; under an advisory lock, so that nodes that start at once run each once. (The lock row
 * of knex itself lives in the same transaction: a crash cannot leave it locked.)
 * @returns the names of the migrations that this call ran; empty when the schema was current
 * @throws Unavailable when the server cannot be reached, Refusal when a newer version has been here
 */
export async function migrate(settings: ConnectionSettings): Promise<string[]> {
  const knex = knexFactory({
    client: 'pg',
    connection: settings as Knex.PgConnectionConfig,
    pool: { min: 0, max: 1 },
    log: SILENT,
  })
  try {
    const done: string[] = []
    for (;;) {
      const names = await knex.transaction(async (transaction) => {
        await transaction.raw('select pg_advisory_xact_lock(?)', [MIGRATION_LOCK])
        const [, ran] = await transaction.migrate.up({ migrationSource: source, tableName: TABLE })
        return ran as string[]
      })
      if (names.length === 0) return done
      done.push(...names)
    }
  } catch (error) {
    const unknown = error instanceof Error && FOREIGN_MIGRATIONS.exec(error.message)?.[1]
    if (unknown) {
      throw new Refusal(
        'schema_newer',
        `the database has migrations that this version does not know (${unknown}): a newer keyturn made them. Run that version, or restore the backup from before`,
      )
    }
    if (isOutage(error)) throw new Unavailable('postgres', 'no answer', { cause: error })
    throw error
  } finally {
    await knex.destroy()
  }
}

/**
 * The migrations that the database still lacks, by name.
 * @param database any connection to it; an empty database lacks them all
 */
export async function pendingMigrations(database: Queryable): Promise<string[]> {
  const [table] = await database.query<{ found: boolean }>(
    `select to_regclass('${TABLE}') is not null as found`,
  )
  if (!table?.found) return MIGRATIONS.map(({ name }) => name)
  const done = new Set(
    (await database.query<{ name: string }>(`select name from ${TABLE}`)).map(({ name }) => name),
  )
  return MIGRATIONS.map(({ name }) => name).filter((name) => !done.has(name))
}

async function refuseDown(): Promise<never> {
  throw new Error('migrations go forward only')
}

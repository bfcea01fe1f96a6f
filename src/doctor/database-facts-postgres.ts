import type { Clock } from '../clock.ts'
import type { Database } from '../postgres/database.ts'
import { pendingMigrations } from '../postgres/migrate.ts'
import type { DatabaseFacts } from './database-checks.ts'

interface Row {
  version: number
  read_only: boolean
  now: Date
}

/**
 * Asks the database.
 * @throws Unavailable when it does not answer, and whatever it answers instead (a wrong password, no such database)
 */
export async function lookAtDatabase(database: Database, clock: Clock): Promise<DatabaseFacts> {
  await database.query('select 1') // connecting is not part of the round trip
  const before = clock.now().getTime()
  const [row] = await database.query<Row>(
    `select current_setting('server_version_num')::int as version,
       current_setting('transaction_read_only')::bool as read_only, clock_timestamp() as now`,
  )
  const after = clock.now().getTime()
  if (!row) throw new Error('the database gave no answer to a plain question')
  return {
    versionNumber: row.version,
    isReadOnly: row.read_only,
    offsetMs: row.now.getTime() - (before + after) / 2,
    roundTripMs: after - before,
    pending: await pendingMigrations(database),
  }
}

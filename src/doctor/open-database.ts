import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { openDataDirectory } from '../embedded/data-directory.ts'
import { pathRefusal } from '../path-refusal.ts'
import { type Database, openDatabase } from '../postgres/database.ts'
import { openPglite } from '../postgres/pglite.ts'
import { Refusal } from '../refusal.ts'
import type { NoDatabase } from './database-checks.ts'

/** A database to look into. */
export interface OpenedDatabase {
  readonly database: Database
  close(): Promise<void>
}

/** Somebody waits at a terminal. */
const TIMEOUT_MS = 5000

/**
 * Opens the configured database for looking only: nothing is made and nothing migrated. The embedded one is skipped where
 * there is none yet, or a running process has it.
 * @throws Error when the embedded one cannot be opened; a server that is down shows at the first question
 */
export async function openForDoctor(config: Config): Promise<OpenedDatabase | NoDatabase> {
  if (config.databaseUrl !== undefined) {
    const database = openDatabase({
      connectionString: config.databaseUrl,
      application_name: 'keyturn doctor',
      max: 1,
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    })
    return { database, close: database.close }
  }
  if (!existsSync(config.dataDirectory)) return { status: 'skipped', reason: 'the first start makes it' }
  return openEmbedded(config.dataDirectory)
}

/** Not `openEmbedded` of the service: that would make a database, and migrate it. */
async function openEmbedded(directory: string): Promise<OpenedDatabase | NoDatabase> {
  const data = await openDataDirectory(directory).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === 'data_directory_in_use') return undefined
    throw pathRefusal(error, directory, 'KEYTURN_DATA_DIR')
  })
  if (data === undefined) return { status: 'skipped', reason: 'the running process has it: see service' }
  try {
    if (!data.hasDatabase) {
      data.release()
      return { status: 'skipped', reason: 'the first start makes it' }
    }
    const pglite = await openPglite({ directory: data.databasePath })
    const database = openDatabase(pglite.settings)
    return {
      database,
      async close() {
        await database.close()
        await pglite.close()
        data.release()
      },
    }
  } catch (error) {
    data.release()
    throw error
  }
}

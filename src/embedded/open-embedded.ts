import { renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pathRefusal } from '../path-refusal.ts'
import { type ConnectionSettings, openDatabase } from '../postgres/database.ts'
import { migrate, pendingMigrations } from '../postgres/migrate.ts'
import { type EmbeddedPostgres, openPglite } from '../postgres/pglite.ts'
import { Refusal } from '../refusal.ts'
import { type DataDirectory, openDataDirectory } from './data-directory.ts'
import { makeSeed, readSeed, unpackSeed } from './seed.ts'

/** The database of embedded mode, with its schema up to date. */
export interface EmbeddedDatabase {
  /** For `openDatabase`; one connection at a time. */
  readonly settings: ConnectionSettings
  /** The data directory, absolute. */
  readonly directory: string
  /** Whether this start made the database. */
  readonly isNew: boolean
  /** Shuts PostgreSQL down and gives the directory back. Close what was opened over `settings` first. */
  close(): Promise<void>
}

/**
 * Opens the database in a data directory for this process alone, makes it where it is missing, and migrates it.
 *
 * A new database is unpacked beside its place and renamed into it, so that a start that was killed leaves none or a whole
 * one. What was committed survives a kill of the process, not a loss of power: PGlite does not wait for the disk.
 * @param directory `KEYTURN_DATA_DIR`
 * @param seedFolder where the build put the seed; without one the database is made from nothing, in some seconds
 * @throws Refusal when the directory is in use or cannot be used
 */
export async function openEmbedded({
  directory,
  seedFolder = dirname(fileURLToPath(import.meta.url)),
}: {
  directory: string
  seedFolder?: string
}): Promise<EmbeddedDatabase> {
  const data = await openDataDirectory(directory).catch((error) => {
    throw explain(error, directory)
  })
  let pglite: EmbeddedPostgres | undefined
  try {
    if (!data.hasDatabase) await makeDatabase(data, seedFolder)
    pglite = await openPglite({ directory: data.databasePath }).catch((cause: Error) => {
      throw explain(cause, data.path) === cause ? damaged(data, cause) : cause
    })
    await bringUpToDate(pglite.settings)
  } catch (error) {
    await pglite?.close()
    data.release()
    throw explain(error, data.path)
  }
  const opened = pglite
  return {
    settings: opened.settings,
    directory: data.path,
    isNew: !data.hasDatabase,
    async close() {
      await opened.close()
      data.release()
    },
  }
}

function explain(error: unknown, directory: string): unknown {
  return pathRefusal(error, directory, 'KEYTURN_DATA_DIR')
}

function damaged({ path }: DataDirectory, { message }: Error): Refusal {
  return new Refusal(
    'data_directory_damaged',
    `PostgreSQL cannot open the database in ${path}: put a copy of the directory in its place, or move it away to begin with an empty one. It said:\n${message}`,
  )
}

async function makeDatabase({ databasePath }: DataDirectory, seedFolder: string): Promise<void> {
  const draft = `${databasePath}.new`
  rmSync(draft, { recursive: true, force: true })
  unpackSeed(readSeed(seedFolder) ?? (await makeSeed()), draft)
  renameSync(draft, databasePath)
}

/** Asks first: a schema that is up to date, as at nearly every start, then costs one query. */
async function bringUpToDate(settings: ConnectionSettings): Promise<void> {
  const database = openDatabase(settings)
  const pending = await pendingMigrations(database).finally(() => database.close())
  if (pending.length > 0) await migrate(settings)
}

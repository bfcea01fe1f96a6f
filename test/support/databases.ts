import type { Database } from '../../src/postgres/database.ts'
import { makeCleanups } from './cleanups.ts'
import { createPglite, warmPglite } from './pglite.ts'
import { createPostgres } from './postgres.ts'
import { sharedServer } from './shared-servers.ts'

/** Gives a migrated, empty database; it is closed after the test, or after the suite when opened in a `before`. */
export type OpenDatabase = () => Promise<Database>

const DATABASES = { PostgreSQL: createPostgres, PGlite: createPglite } as const

/**
 * Defines the same tests for each database that we run on, in a `describe` with its name. PGlite has one connection, so
 * what passes on PostgreSQL may hang there: a query beside an open transaction.
 */
export function forEachDatabase(define: (name: keyof typeof DATABASES, open: OpenDatabase) => void): void {
  needPglite()
  for (const name of ['PostgreSQL', 'PGlite'] as const) {
    describe(name, () => {
      const cleanups = makeCleanups()
      beforeEach(cleanups.testBegins)
      define(name, async () => {
        const { database, close } = await DATABASES[name]()
        cleanups.add(close)
        return database
      })
      // Last, so that hooks of the tests' own still have their database.
      afterEach(cleanups.testEnds)
      after(cleanups.suiteEnds)
    })
  }
}

let pgliteIsNeeded = false
function needPglite(): void {
  if (!pgliteIsNeeded) sharedServer(warmPglite)
  pgliteIsNeeded = true
}

import { randomBytes } from 'node:crypto'
import { type ConnectionSettings, type Database, openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { startPostgres } from './postgres-server.ts'
import { afterwards } from './root-hooks.ts'
import { sharedServer } from './shared-servers.ts'

export { type PostgresOptions, startPostgres } from './postgres-server.ts'

/** A migrated, empty PostgreSQL database of one's own. */
export interface OpenPostgres {
  readonly database: Database
  readonly url: string
}

/** Connections that a test leaves idle go soon: hundreds of databases share one server. */
const IDLE_TIMEOUT_MS = 500

/** The run's server, with a migrated database on it that all others are copied from. */
const server = sharedServer(async () => {
  const given = process.env['KEYTURN_TEST_DATABASE_URL']
  const running = given ? { url: given, stop: async () => {} } : await startPostgres()
  const administration = openDatabase({ connectionString: running.url, max: 1 })
  const template = newName()
  await administration.query(`create database ${template}`)
  await migrate({ connectionString: urlOf(running.url, template) })
  return {
    administration,
    template,
    url: running.url,
    async stop() {
      await administration.query(`drop database ${template}`)
      await administration.close()
      await running.stop()
    },
  }
})

/**
 * A migrated, empty database on the run's PostgreSQL server. Closed and dropped after the test (or, when it was
 * opened outside one, at the end of the run).
 */
export async function openPostgres(): Promise<OpenPostgres> {
  const { database, url, close } = await createPostgres()
  afterwards(close)
  return { database, url }
}

/** The same, for a caller who closes it. */
export async function createPostgres(
  settings: ConnectionSettings = {},
): Promise<OpenPostgres & { close(): Promise<void> }> {
  const { administration, template, url: serverUrl } = await server()
  const name = newName()
  await administration.query(`create database ${name} template ${template}`)
  const url = urlOf(serverUrl, name)
  const database = openDatabase({ connectionString: url, idleTimeoutMillis: IDLE_TIMEOUT_MS, ...settings })
  return {
    database,
    url,
    async close() {
      await database.close()
      await administration.query(`drop database ${name} with (force)`)
    },
  }
}

function newName(): string {
  return `keyturn_test_${randomBytes(6).toString('hex')}`
}

function urlOf(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

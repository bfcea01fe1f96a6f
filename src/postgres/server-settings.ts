import type { ConnectionSettings } from './database.ts'

const CONNECTIONS = 20
/** A statement that takes longer is given up: the caller has been told 503 long before. */
const STATEMENT_TIMEOUT_MS = 5000
const CONNECT_TIMEOUT_MS = 2000

/** How to reach the configured PostgreSQL server, for the pool and for migrations. */
export function serverSettings(databaseUrl: string): ConnectionSettings {
  return {
    connectionString: databaseUrl,
    application_name: 'keyturn',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1000,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  }
}

import type { ConnectionSettings } from './database.ts'

/** What one process needs where it is the only one: reads are gathered, so that a few connections serve many requests. */
const CONNECTIONS = 20
/** All workers of a node together, as long as each has this many at least. */
const CONNECTIONS_OF_ALL = 40
const LEAST_CONNECTIONS = 5
/** A statement that takes longer is given up: the caller has been told 503 long before. */
const STATEMENT_TIMEOUT_MS = 5000
const CONNECT_TIMEOUT_MS = 2000

/**
 * How to reach the configured PostgreSQL server, for the pool and for migrations.
 * @param processes how many share the node
 */
export function serverSettings(databaseUrl: string, processes = 1): ConnectionSettings {
  return {
    connectionString: databaseUrl,
    application_name: 'keyturn',
    max: Math.min(CONNECTIONS, Math.max(LEAST_CONNECTIONS, Math.floor(CONNECTIONS_OF_ALL / processes))),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1000,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  }
}

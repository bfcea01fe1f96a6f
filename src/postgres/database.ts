import pg from 'pg'
import { Unavailable } from '../unavailable.ts'
import { codeOf, isOutage, isRetryable } from './sql-state.ts'

/** Something that runs SQL: the database itself, or one open transaction. */
export interface Queryable {
  /**
   * Runs one statement and returns its rows.
   * @param sql with `$1` placeholders
   * @param values the values for them
   * @throws Unavailable when the server could not be asked, so that the outcome is unknown
   */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

/** A statement that is asked for all the time. */
export interface Statement {
  /** Of its own: two statements never share one. */
  readonly name: string
  /** Names its columns: one with `*` could not be planned once and for all, because a migration may add a column. */
  readonly sql: string
}

/** The record: PostgreSQL, or PGlite behind the same driver. */
export interface Database extends Queryable {
  /**
   * Runs a statement that each connection has parsed and planned once. Where something between us and the server keeps no
   * statements (an old PgBouncer in transaction mode), it is run like any other from then on.
   * @throws Unavailable as `query` would
   */
  run<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  /**
   * Runs `work` in one transaction and commits, or rolls back when it throws. Within `work` only `transaction` may be
   * used: PGlite has one connection, so a query beside it would wait for ever.
   * A deadlock or serialisation failure runs `work` again, at most twice.
   */
  transaction<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** How to reach a server: `pg`'s own configuration, for PGlite with a `stream`. */
export type ConnectionSettings = pg.PoolConfig

const ATTEMPTS = 3
/** The statement is not there, is there already, or its result has another form by now: it was not run. */
const NOT_PREPARED = new Set(['26000', '42P05', '0A000'])

/** Opens a pool. Connects lazily: a server that is down at start is not an error yet. */
export function openDatabase(settings: ConnectionSettings): Database {
  const pool = new pg.Pool(settings)
  let keepsStatements = true
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => {})

  async function attempt<T>(work: (transaction: Queryable) => Promise<T>): Promise<T> {
    const connection = await pool.connect().catch(rethrow)
    let broken: Error | undefined
    // A connection that breaks between two statements says so here; without a listener it would end the process.
    const onError = (error: Error) => {
      broken = error
    }
    connection.on('error', onError)
    const transaction = queryable(connection)
    try {
      await transaction.query('BEGIN')
      const result = await work(transaction)
      await transaction.query('COMMIT')
      return result
    } catch (error) {
      await connection.query('ROLLBACK').catch((failure: Error) => {
        broken = failure
      })
      throw error
    } finally {
      connection.off('error', onError)
      connection.release(broken)
    }
  }

  const { query } = queryable(pool)

  return {
    query,
    async run<Row extends object>({ name, sql: text }: Statement, values: readonly unknown[]) {
      if (!keepsStatements) return query<Row>(text, values)
      try {
        return (await pool.query<Row>({ name, text, values: [...values] })).rows
      } catch (error) {
        if (!NOT_PREPARED.has(codeOf(error) ?? '')) throw asUnavailable(error)
        keepsStatements = false
        return query<Row>(text, values)
      }
    },
    async transaction(work) {
      for (let left = ATTEMPTS - 1; ; left--) {
        try {
          return await attempt(work)
        } catch (error) {
          if (left === 0 || !isRetryable(error)) throw error
        }
      }
    },
    close: () => pool.end(),
  }
}

function queryable(target: Pick<pg.Pool, 'query'>): Queryable {
  return {
    async query<Row extends object>(sql: string, values: readonly unknown[] = []) {
      const result = await target.query<Row>(sql, [...values]).catch(rethrow)
      return result.rows
    },
  }
}

function rethrow(error: unknown): never {
  throw asUnavailable(error)
}

function asUnavailable(error: unknown): unknown {
  return isOutage(error) ? new Unavailable('postgres', 'no answer', { cause: error }) : error
}

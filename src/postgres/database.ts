import pg from 'pg'
import { Unavailable } from '../unavailable.ts'
import { isOutage, isRetryable } from './sql-state.ts'

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

/** The record: PostgreSQL, or PGlite behind the same driver. */
export interface Database extends Queryable {
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

/** Opens a pool. Connects lazily: a server that is down at start is not an error yet. */
export function openDatabase(settings: ConnectionSettings): Database {
  const pool = new pg.Pool(settings)
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

  return {
    ...queryable(pool),
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
  if (isOutage(error)) throw new Unavailable('postgres', 'no answer', { cause: error })
  throw error
}

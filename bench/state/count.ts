import type { Database } from '../../src/postgres/database.ts'

/** How many rows each table has, and how many keys there are in Redis. */
export interface StateCount {
  readonly rows: Readonly<Record<string, number>>
  readonly keys: number
}

/** What can be asked how many keys it has. */
interface KeyCounter {
  dbsize(): Promise<number>
}

/** Counts everything: every table of the schema by name, so that one that is added later is counted too. */
export async function countState(database: Database, redis: KeyCounter): Promise<StateCount> {
  const tables = await tableNames(database)
  const rows: Record<string, number> = {}
  for (const table of tables) {
    const [row] = await database.query<{ count: string }>(`select count(*) from ${table}`)
    rows[table] = Number(row?.count)
  }
  return { rows, keys: await redis.dbsize() }
}

/** The tables that rows are put into, without their partitions. */
export async function tableNames(database: Database): Promise<string[]> {
  const tables = await database.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
     and not relispartition order by relname`,
  )
  return tables.map(({ name }) => name)
}

/** How many families the record knows at another generation than this one. */
export async function notAnchored(database: Database, generation: number): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    'select count(*) from refresh_families where generation <> $1',
    [generation],
  )
  return Number(row?.count)
}

/** One row for each live session. */
const PER_SESSION = ['sessions', 'refresh_families']
/** One row for each login, kept for a year: none for a refresh. */
const PER_LOGIN = ['audit_events']

/**
 * What is wrong with the state after rotations alone: state is to be as large as there are live sessions, however often
 * these were refreshed.
 * @param before as it was before the rotations
 * @param liveSessions how many sessions are live; all of them have been refreshed
 * @returns a line for each thing that is wrong; empty: nothing
 */
export function growthOf(before: StateCount, after: StateCount, liveSessions: number): string[] {
  const wrong: string[] = []
  for (const [table, rows] of Object.entries(after.rows)) {
    const expected =
      PER_SESSION.includes(table) || PER_LOGIN.includes(table) ? liveSessions : before.rows[table]
    if (rows !== expected) wrong.push(`${table} has ${rows} rows, expected ${expected}`)
  }
  if (after.keys !== liveSessions) wrong.push(`Redis has ${after.keys} keys, expected ${liveSessions}`)
  return wrong
}

import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { type EmbeddedPostgres, openPglite } from '../../src/postgres/pglite.ts'

/** A migrated engine, and the shape it had before a test touched it. */
interface Engine {
  readonly pglite: EmbeddedPostgres
  readonly schema: string
}

let seed: Promise<Buffer> | undefined
const idle: Engine[] = []

/**
 * A migrated, empty database in a PGlite of its own, in memory. Starting an engine takes seconds, so one that a test
 * has finished with is emptied and given to the next; one whose schema a test has changed is thrown away.
 */
export async function createPglite(): Promise<{ database: Database; close(): Promise<void> }> {
  const engine = idle.pop() ?? (await startEngine())
  const database = openDatabase(engine.pglite.settings)
  return {
    database,
    async close() {
      await database.close()
      if (await empty(engine)) idle.push(engine)
      else await engine.pglite.close()
    },
  }
}

/** Starts an engine ahead of the first test that needs one, and at the end stops all that are idle. */
export async function warmPglite(): Promise<{ stop(): Promise<void> }> {
  idle.push(await startEngine())
  return {
    async stop() {
      for (const { pglite } of idle.splice(0)) await pglite.close()
    },
  }
}

/** The first engine is migrated, the others start from its data. */
async function startEngine(): Promise<Engine> {
  if (seed !== undefined) return withSchema(await openPglite({ seed: await seed }))
  const pglite = await openPglite({})
  seed = migrate(pglite.settings).then(() => pglite.dump())
  await seed
  return withSchema(pglite)
}

async function withSchema(pglite: EmbeddedPostgres): Promise<Engine> {
  const database = openDatabase(pglite.settings)
  const schema = await schemaOf(database)
  await database.close()
  return { pglite, schema }
}

/** Removes every row but the list of migrations. False when the engine is no longer as it was made. */
async function empty({ pglite, schema }: Engine): Promise<boolean> {
  const database = openDatabase(pglite.settings)
  try {
    if ((await schemaOf(database)) !== schema) return false
    const tables = await database.query<{ name: string }>(
      `select quote_ident(tablename) as name from pg_tables
       where schemaname = 'public' and tablename not like 'schema_migrations%'`,
    )
    await database.query(`truncate ${tables.map(({ name }) => name).join(', ')} restart identity cascade`)
    return true
  } catch {
    return false
  } finally {
    await database.close()
  }
}

/** A digest of all that a test might change of the schema: tables, columns, constraints, indexes, triggers, functions. */
async function schemaOf(database: Database): Promise<string> {
  const [row] = await database.query<{ digest: string }>(`
    select md5(string_agg(part, ';' order by part)) as digest from (
      select format('%s %s %s %s', attrelid::regclass, attname, atttypid, attnotnull) as part
        from pg_attribute where attnum > 0 and attrelid in
          (select oid from pg_class where relnamespace = 'public'::regnamespace)
      union all select pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
      union all select format('%s %s', tgname, tgenabled) from pg_trigger where not tgisinternal
      union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f'
    ) as parts`)
  return row?.digest ?? ''
}

import { once } from 'node:events'
import { expect } from 'chai'
import pg from 'pg'
import { MIGRATIONS } from '../../migrations/all.ts'
import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { migrate, pendingMigrations } from '../../src/postgres/migrate.ts'
import { type EmbeddedPostgres, openPglite, PGLITE_POSTGRES_MAJOR } from '../../src/postgres/pglite.ts'
import { Unavailable } from '../../src/unavailable.ts'

describe('PGlite behind pg', () => {
  let embedded: EmbeddedPostgres
  let database: Database

  before(async () => {
    embedded = await openPglite({})
  })
  after(() => embedded.close())
  beforeEach(() => {
    database = openDatabase(embedded.settings)
  })
  afterEach(() => database.close())

  /** A client of its own, as knex and pools make them. */
  async function connect(): Promise<pg.Client> {
    const client = new pg.Client(embedded.settings)
    // A connection that breaks is what some tests are about; it must not end the process.
    client.on('error', () => {})
    await client.connect()
    return client
  }

  it('is the version that data directories are marked with', async () => {
    const [row] = await database.query<{ major: number }>(
      `select current_setting('server_version_num')::int / 10000 as major`,
    )
    expect(row?.major).to.equal(PGLITE_POSTGRES_MAJOR)
  })

  it('parses types as pg does with a server', async () => {
    const [row] = await database.query(
      `select '\\x00ff'::bytea as bytes, '2026-01-02T03:04:05.678Z'::timestamptz as time, array['a','b c']::text[] as list,
        9007199254740993::bigint as big, '{"a":[1]}'::jsonb as json, null::text as nothing, true as yes, 1.5::float8 as number`,
    )
    expect(row).to.deep.equal({
      bytes: Buffer.from([0x00, 0xff]),
      time: new Date('2026-01-02T03:04:05.678Z'),
      list: ['a', 'b c'],
      big: '9007199254740993',
      json: { a: [1] },
      nothing: null,
      yes: true,
      number: 1.5,
    })
  })

  it('takes parameters of the same types', async () => {
    const bytes = Buffer.from([0, 1, 2, 255])
    const time = new Date('2026-01-02T03:04:05.678Z')
    const [row] = await database.query<{ bytes: Buffer; time: Date; found: boolean }>(
      'select $1::bytea as bytes, $2::timestamptz as time, $3 = any($4::text[]) as found',
      [bytes, time, 'b', ['a', 'b']],
    )
    expect(row).to.deep.equal({ bytes, time, found: true })
  })

  it('carries answers and questions that are larger than any buffer', async () => {
    const size = 3_000_000
    const [row] = await database.query<{ echo: string; rows: string }>(
      `select $1::text as echo, (select string_agg(repeat('y', 1000), '') from generate_series(1, 5000)) as rows`,
      ['x'.repeat(size)],
    )
    expect(row?.echo).to.have.length(size)
    expect(row?.rows).to.have.length(5_000_000)
  })

  it('a transaction that throws leaves nothing behind, one that returns is kept', async () => {
    await database.query('create table kept (n int)')
    const failure = await database
      .transaction(async (tx) => {
        await tx.query('insert into kept values (1)')
        throw new Error('changed my mind')
      })
      .catch((error: Error) => error)
    expect(failure).to.have.property('message', 'changed my mind')
    expect(await database.query('select n from kept')).to.deep.equal([])

    await database.transaction((tx) => tx.query('insert into kept values (2)'))
    expect(await database.query('select n from kept')).to.deep.equal([{ n: 2 }])
  })

  it('an error carries its SQLSTATE and the next query works', async () => {
    await database.query('create table single (n int primary key)')
    await database.query('insert into single values (1)')
    const duplicate = await database
      .query('insert into single values ($1)', [1])
      .catch((error: Error) => error)
    expect(duplicate).to.have.property('code', '23505')
    const syntax = await database.query('selec').catch((error: Error) => error)
    expect(syntax).to.have.property('code', '42601')
    expect(await database.query('select n from single')).to.deep.equal([{ n: 1 }])
  })

  it('queries asked at once are all answered, each with its own answer', async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => n)
    const answers = await Promise.all(
      numbers.map((n) => database.query<{ n: number }>('select $1::int as n', [n])),
    )
    expect(answers.map(([row]) => row?.n)).to.deep.equal(numbers)
  })

  it('the session after a connection that broke in a transaction is clean', async () => {
    const broken = await connect()
    await broken.query('create table half (n int)')
    await broken.query({ name: 'remembered', text: 'select 1' })
    await broken.query('select pg_advisory_lock(42)')
    await broken.query("set statement_timeout = '7s'")
    await broken.query('create temporary table scratch (n int)')
    await broken.query('begin')
    await broken.query('insert into half values (1)')
    breakOff(broken)

    const next = await connect()
    const { rows } = await next.query(`select (select count(*)::int from half) as rows,
      (select count(*)::int from pg_prepared_statements where name = 'remembered') as statements,
      (select count(*)::int from pg_locks where locktype = 'advisory') as locks,
      current_setting('statement_timeout') as timeout, to_regclass('scratch') as scratch`)
    expect(rows).to.deep.equal([{ rows: 0, statements: 0, locks: 0, timeout: '0', scratch: null }])
    await next.end()
  })

  it('the session after a connection that broke in a failed transaction or half a query is clean', async () => {
    const aborted = await connect()
    await aborted.query('begin')
    await aborted.query('select 1/0').catch(() => {})
    breakOff(aborted)
    const skipping = await connect()
    // Parse of a statement that fails, and no Sync: the backend skips all that follows until one comes.
    const refused = once(skipping.connection, 'errorMessage')
    skipping.connection.parse({ name: '', text: 'selec', types: [] }, false)
    await refused
    breakOff(skipping)

    const next = await connect()
    expect((await next.query('select 1 as one')).rows).to.deep.equal([{ one: 1 }])
    await next.end()
  })

  it('a second connection waits for the first and then works', async () => {
    const first = await connect()
    const second = connect()
    await first.query('create temporary table mine (n int)')
    expect((await first.query('select n from mine')).rows).to.deep.equal([])
    await first.end()
    const client = await second
    expect((await client.query(`select to_regclass('mine') as mine`)).rows).to.deep.equal([{ mine: null }])
    await client.end()
  })

  it('refuses encryption like a server without it, and still serves the next connection', async () => {
    const client = new pg.Client({ ...embedded.settings, ssl: true })
    const failure = await client.connect().catch((error: Error) => error)
    expect(failure).to.have.property('message', 'The server does not support SSL connections')
    expect(await database.query('select 1 as one')).to.deep.equal([{ one: 1 }])
  })
})

describe('the schema on PGlite', () => {
  it('migrates once, and a dump of it starts as a database that lacks nothing', async () => {
    const first = await openPglite({})
    const names = MIGRATIONS.map(({ name }) => name)
    expect(await migrate(first.settings)).to.deep.equal(names)
    expect(await migrate(first.settings)).to.deep.equal([])
    const database = openDatabase(first.settings)
    expect(await pendingMigrations(database)).to.deep.equal([])
    await database.close()
    const seed = await first.dump()
    await first.close()

    const second = await openPglite({ seed })
    const copy = openDatabase(second.settings)
    expect(await pendingMigrations(copy)).to.deep.equal([])
    expect(await copy.query('select count(*)::int as n from users')).to.deep.equal([{ n: 0 }])
    await copy.close()
    await second.close()
  })

  it('a database whose engine was closed answers "unavailable", and so does the next query', async () => {
    const embedded = await openPglite({})
    const database = openDatabase(embedded.settings)
    await database.query('select 1')
    await embedded.close()
    expect(await database.query('select 1').catch((error: Error) => error)).to.be.instanceOf(Unavailable)
    expect(await database.query('select 1').catch((error: Error) => error)).to.be.instanceOf(Unavailable)
    await database.close()
  })
})

/** The connection ends without a word, as with a process that was killed. */
function breakOff(client: pg.Client): void {
  client.connection.stream.destroy()
}

import { expect } from 'chai'
import knexFactory, { type Knex } from 'knex'
import { MIGRATIONS } from '../../migrations/all.ts'
import { type ConnectionSettings, type Database, openDatabase } from '../../src/postgres/database.ts'
import { openPglite } from '../../src/postgres/pglite.ts'
import { openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'
import { openLog } from './fixtures.ts'

/** What the release before 0007 runs for each event. */
const EARLIER_INSERT = `with expired as (
    delete from audit_events where id in (
      select id from audit_events where at < now() - interval '400 days' order by at limit 2)
  )
  insert into audit_events (at, event, actor, user_id, client_id, request_id, address, details)
  values (now(), $1, $2, $3, $4, $5, $6, $7)`
const EVENT = ['user.created', 'operator', '7', null, null, null, '{"isSuperuser": false}']

const CHAIN = MIGRATIONS.findIndex(({ name }) => name === '0007-audit-chain')

/** An empty database with the schema from before the chain, and the way to go on. */
async function openBefore(settings: ConnectionSettings) {
  // PGlite has one connection: whoever has finished lets go of it.
  const use = async <T>(work: (database: Database) => Promise<T>): Promise<T> => {
    const database = openDatabase(settings)
    return work(database).finally(() => database.close())
  }
  const run = async (migrations: typeof MIGRATIONS, meanwhile: () => void = () => {}) => {
    const knex = knexFactory({
      client: 'pg',
      connection: settings as Knex.PgConnectionConfig,
      pool: { min: 0, max: 1 },
    })
    await knex.transaction(async (transaction) => {
      for (const { up } of migrations) await up(transaction as unknown as Knex)
      meanwhile()
    })
    await knex.destroy()
  }
  await run(MIGRATIONS.slice(0, CHAIN))
  return { use, settings, migrate: (meanwhile?: () => void) => run(MIGRATIONS.slice(CHAIN), meanwhile) }
}

const OPENING = {
  async PostgreSQL() {
    const { database, url } = await openPostgres()
    await database.query('drop schema public cascade')
    await database.query('create schema public')
    return openBefore({ connectionString: url })
  },
  async PGlite() {
    const pglite = await openPglite({})
    afterwards(() => pglite.close())
    return openBefore(pglite.settings)
  },
}

describe('the migration to the chained audit log', function () {
  this.timeout(60_000)

  for (const [name, open] of Object.entries(OPENING)) {
    it(`${name}: keeps every row of the months that are kept, with its id, and chains them`, async () => {
      const { use, migrate } = await open()
      const all =
        'select id, at, event, actor, user_id, client_id, request_id, address, details from audit_events order by id'
      const before = await use(async (database) => {
        await database.query(
          `insert into audit_events (at, event, actor, request_id, details)
           select now() - days * interval '1 day', 'user.created', 'operator', days, '{"a": 1}'
           from unnest(array[440, 300, 60, 0, -1]) days`,
        )
        return database.query<{ id: string }>(all)
      })
      await migrate()
      await use(async (database) => {
        expect(await database.query<{ id: string }>(all)).to.deep.equal(before.slice(1))
        await database.query(EARLIER_INSERT, EVENT)
        const [last] = await database.query<{ id: string }>(
          'select id from audit_events order by id desc limit 1',
        )
        expect(Number(last?.id)).to.equal(Number(before.at(-1)?.id) + 1)
        const log = openLog(database)
        await log.chainAll()
        expect(await log.verify()).to.deep.include({ rows: 5, findings: [] })
      })
    })

    it(`${name}: what the release before it writes lands in the right month, and removes nothing`, async () => {
      const { use, migrate } = await open()
      await migrate()
      const rows = await use(async (database) => {
        for (let count = 0; count < 3; count++) await database.query(EARLIER_INSERT, EVENT)
        return database.query(
          `select event, user_id, details from audit_events
         where month_slot = (extract(year from at at time zone 'UTC') * 12 + extract(month from at at time zone 'UTC')) % 14`,
        )
      })
      expect(rows).to.have.length(3)
      expect(rows[0]).to.deep.equal({ event: 'user.created', user_id: '7', details: { isSuperuser: false } })
    })
  }

  it('a node of the release before it that writes just then waits, and loses nothing', async () => {
    const { settings, migrate } = await OPENING.PostgreSQL()
    const database = openDatabase(settings)
    afterwards(() => database.close())
    let waiting: Promise<unknown> = Promise.resolve()
    await migrate(() => {
      waiting = Promise.all([1, 2, 3].map(() => database.query(EARLIER_INSERT, EVENT)))
    })
    await waiting
    expect(await database.query('select from audit_events')).to.have.length(3)
  })

  it('every month of many years has a partition', async () => {
    const { use, migrate } = await OPENING.PostgreSQL()
    await migrate()
    await use(async (database) => {
      const [row] = await database.query<{ slots: string }>(
        `select count(distinct (extract(year from t)::int * 12 + extract(month from t)::int) % 14) as slots
         from generate_series('1999-01-01'::timestamp, '2100-01-01', interval '1 month') t`,
      )
      const partitions = await database.query(
        "select from pg_inherits where inhparent = 'audit_events'::regclass",
      )
      expect([Number(row?.slots), partitions.length]).to.deep.equal([14, 14])
    })
  })
})

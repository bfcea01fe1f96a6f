import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { clientsPostgres } from '../../src/clients/clients-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { sessionsPostgres } from '../../src/sessions/sessions-postgres.ts'
import { readPresentedPostgres } from '../../src/tokens/presented-postgres.ts'
import type { RefreshFamily } from '../../src/tokens/refresh-families.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { tokenStandingPostgres } from '../../src/tokens/token-standing-postgres.ts'
import { TestClock } from '../support/clock.ts'
import { createPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'
import { beginFamily, CLIENT, sessionOf } from '../tokens/refresh-families.contract.ts'

const EVENT = { event: 'client.disabled', actor: 'operator' } as const
const NOW = new Date('2026-01-01T00:00:10Z')

/** Of which there are fewer than families, only because making one takes time. */
const SESSIONS = 10_000
/** Whoever waits for a lock longer than this is blocked. */
const LOCK_TIMEOUT = '-c lock_timeout=2000'

async function openDatabase(): Promise<Database> {
  const { database, close } = await createPostgres({ options: LOCK_TIMEOUT })
  afterwards(close)
  return database
}

/** Copies of a family, over many sessions, as logins would leave them. Foreign keys hold, unchecked. */
async function multiply(database: Database, family: RefreshFamily, count: number): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query('set local session_replication_role = replica')
    await transaction.query(
      `insert into sessions (id, user_id, authenticated_at, created_at, remove_after, client_id)
       select 's_' || n, user_id, authenticated_at, created_at, remove_after, client_id
       from sessions, generate_series(1, $2::int) n where id = $1`,
      [family.sessionId, SESSIONS],
    )
    await transaction.query(
      `insert into refresh_families (id, session_id, user_id, client_id, scope, audience, salt, created_at,
         absolute_expires_at, idle_expires_at, generation, predecessor, rotated_at, key_version)
       select decode(md5(n::text), 'hex'), 's_' || n % ${SESSIONS} + 1, user_id, client_id, scope, audience, salt, created_at,
         absolute_expires_at, idle_expires_at, generation, predecessor, rotated_at, key_version
       from refresh_families, generate_series(1, $2::int) n where id = $1`,
      [family.id, count],
    )
  })
  await database.query('analyze sessions, refresh_families, users, clients')
}

/** Changes when any row of the two tables is written or locked. */
async function fingerprint(database: Database): Promise<string> {
  const [row] = await database.query<{ print: string }>(`
    select concat((select sum(hashtextextended(concat(ctid, ' ', xmin, ' ', xmax), 0)) from refresh_families), ' ',
      (select sum(hashtextextended(concat(ctid, ' ', xmin, ' ', xmax), 0)) from sessions)) as print`)
  return row?.print ?? ''
}

const presentedOf = (database: Database) => readPresentedPostgres(database, new TestClock())

describe('cutoffs', () => {
  it('disabling a client with 200,000 families is one row’s work, and ends them all', async function () {
    this.timeout(120_000)
    const database = await openDatabase()
    const family = await beginFamily(database, refreshFamiliesPostgres(database))
    await multiply(database, family, 200_000)
    const before = await fingerprint(database)
    expect(await clientsPostgres(database).setEnabled(CLIENT, false, NOW, EVENT)).to.equal(true)
    await clientsPostgres(database).setEnabled(CLIENT, true, NOW, EVENT)
    await sessionsPostgres(database).endOfClient(CLIENT, 'operator')
    expect(await sessionsPostgres(database).endIssuedBefore(new Date('2020-01-01'), 'operator')).to.equal(
      true,
    )
    expect(await fingerprint(database)).to.equal(before)

    const read = presentedOf(database)
    for (const n of [1, 77_777, 200_000]) {
      const [row] = await database.query<{ id: Buffer }>("select decode(md5($1::int::text), 'hex') as id", [
        n,
      ])
      expect((await read(CLIENT, row?.id)).family?.sessionEnded).to.equal(true)
    }
    await database.query('update refresh_families set ended_at = now() where id = $1', [family.id])
    expect(await fingerprint(database), 'control: one family that is written is noticed').not.to.equal(before)
  })

  it('a login does not wait for its client to be disabled, and is ended with it', async () => {
    const database = await openDatabase()
    const families = refreshFamiliesPostgres(database)
    const first = await beginFamily(database, families)
    const underWay = { ...first, id: randomBytes(16), sessionId: randomUUID() }
    await whileOpen(
      database,
      (open) => clientsPostgres(open).setEnabled(CLIENT, false, NOW, EVENT),
      async () => expect(await families.begin(sessionOf(underWay))).to.equal(true),
    )
    const clients = clientsPostgres(database)
    await clients.setEnabled(CLIENT, true, NOW, EVENT)
    const { family } = await presentedOf(database)(CLIENT, underWay.id)
    expect(family?.sessionEnded).to.equal(true)
  })

  it('disabling a client does not wait for its logins', async () => {
    const database = await openDatabase()
    const families = refreshFamiliesPostgres(database)
    const first = await beginFamily(database, families)
    const underWay = { ...first, id: randomBytes(16), sessionId: randomUUID() }
    await whileOpen(
      database,
      (open) => refreshFamiliesPostgres(open).begin(sessionOf(underWay)),
      async () =>
        expect(await clientsPostgres(database).setEnabled(CLIENT, false, NOW, EVENT)).to.equal(true),
    )
    await clientsPostgres(database).setEnabled(CLIENT, true, NOW, EVENT)
    const { family } = await presentedOf(database)(CLIENT, underWay.id)
    expect(family?.sessionEnded, 'it had begun before').to.equal(true)
  })

  it('control: under a stronger lock on the client a login does wait', async () => {
    const database = await openDatabase()
    const families = refreshFamiliesPostgres(database)
    const first = await beginFamily(database, families)
    const next = { ...first, id: randomBytes(16), sessionId: randomUUID() }
    await whileOpen(
      database,
      (open) =>
        open.transaction((transaction) =>
          transaction.query('select id from clients where id = $1 for update', [CLIENT]),
        ),
      async () => {
        const error = await families.begin(sessionOf(next)).catch((failure: unknown) => failure)
        expect(String(error)).to.match(/lock timeout|no answer/)
      },
    )
  })

  it('a user’s sessions end although a login of the user is under way', async () => {
    const database = await openDatabase()
    const families = refreshFamiliesPostgres(database)
    const first = await beginFamily(database, families)
    const underWay = { ...first, id: randomBytes(16), sessionId: randomUUID() }
    let ended: Promise<unknown> | undefined
    await whileOpen(
      database,
      (open) => refreshFamiliesPostgres(open).begin(sessionOf(underWay)),
      async () => {
        const ending = { reason: 'signed_out', actor: 'operator', now: NOW } as const
        ended = sessionsPostgres(database).endOfUser(first.userId, ending)
        await isWaiting(database)
      },
    )
    expect(await ended, 'both: it has waited for the login').to.equal(2)
    expect((await presentedOf(database)(CLIENT, underWay.id)).family?.family.endedAt).to.deep.equal(NOW)
  })

  it('what is compared costs no scan: ten thousand families are looked up by their keys', async () => {
    const database = await openDatabase()
    const family = await beginFamily(database, refreshFamiliesPostgres(database))
    await multiply(database, family, 10_000)
    await database.query("insert into session_cutoff (ended_before) values ('2020-01-01')")
    const plans: string[] = []
    const statements: string[] = []
    const explaining: Database = {
      ...database,
      async query<Row extends object>(sql: string, values?: readonly unknown[]) {
        const rows = await database.query<{ 'QUERY PLAN': string }>(`explain ${sql}`, values)
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
        return database.query<Row>(sql, values)
      },
      run({ sql }, values) {
        statements.push(sql)
        return explaining.query(sql, values)
      },
    }
    const { id, clientId, userId, sessionId } = family
    expect((await presentedOf(explaining)(clientId, id)).family?.sessionEnded).to.equal(false)
    const basis = {
      jti: 'x',
      clientId,
      userId,
      sessionId,
      familyId: id.toString('base64url'),
      keyId: undefined,
    }
    expect(await tokenStandingPostgres(explaining).stands(basis)).to.equal(true)
    expect(plans).to.have.length(2)
    // Planned once and for all, as a connection does that has asked a few times.
    for (const sql of statements) plans.push(await genericPlan(database, sql))
    for (const plan of plans) {
      expect(plan).not.to.match(/Seq Scan on (refresh_families|sessions)/)
      expect(plan).to.include('refresh_families_pkey').and.to.include('sessions_pkey')
    }
    await explaining.query('select 1 from refresh_families f join sessions s on s.id = f.session_id')
    expect(plans.at(-1), 'control').to.match(/Seq Scan on (refresh_families|sessions)/)
  })
})

/** Runs `meanwhile` while the transaction that `work` makes is done with its work and not yet committed. */
async function whileOpen(
  database: Database,
  work: (open: Database) => Promise<unknown>,
  meanwhile: () => Promise<unknown>,
): Promise<void> {
  const open: Database = {
    ...database,
    transaction: (body) =>
      database.transaction(async (transaction) => {
        const result = await body(transaction)
        await meanwhile()
        return result
      }),
  }
  await work(open)
}

/** Resolves once somebody on this database waits for a lock. */
async function isWaiting(database: Database): Promise<void> {
  for (;;) {
    const waiting = await database.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    if (waiting.length > 0) return
  }
}

async function genericPlan(database: Database, sql: string): Promise<string> {
  const count = Math.max(...[...sql.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
  return database.transaction(async (transaction) => {
    await transaction.query('set local plan_cache_mode = force_generic_plan')
    await transaction.query(`prepare generic as ${sql}`)
    const nulls = Array.from({ length: count }, () => 'null').join(', ')
    const rows = await transaction.query<{ 'QUERY PLAN': string }>(`explain execute generic(${nulls})`)
    await transaction.query('deallocate generic')
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  })
}

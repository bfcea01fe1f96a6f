import { expect } from 'chai'
import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { serverSettings } from '../../src/postgres/server-settings.ts'
import { isOutage, isUniqueViolation } from '../../src/postgres/sql-state.ts'
import { forEachDatabase } from '../support/databases.ts'
import { openPostgres, startPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'

const nameOf = (error: Error) => error.name

describe('the database', () => {
  forEachDatabase((_name, open) => {
    let database: Database
    beforeEach(async () => {
      database = await open()
      await database.query('create table t (n integer primary key)')
    })

    it('a transaction that throws changes nothing, and the error is the one thrown', async () => {
      const thrown = await database
        .transaction(async (transaction) => {
          await transaction.query('insert into t values (1)')
          throw new Error('no further')
        })
        .catch((error: Error) => error.message)
      expect(thrown).to.equal('no further')
      expect(await database.query('select * from t')).to.deep.equal([])
    })

    it('a transaction whose statement failed can be followed by another', async () => {
      const insertTwice = database.transaction(async (transaction) => {
        await transaction.query('insert into t values (1)')
        await transaction.query('insert into t values (1)')
      })
      expect(await insertTwice.catch(isUniqueViolation)).to.equal(true)
      await database.transaction((transaction) => transaction.query('insert into t values (2)'))
      expect(await database.query('select * from t')).to.deep.equal([{ n: 2 }])
    })

    it('many at once are all served', async () => {
      const insert = (n: number) =>
        database.transaction((transaction) => transaction.query('insert into t values ($1)', [n]))
      await Promise.all(Array.from({ length: 40 }, (_, n) => insert(n)))
      expect(await database.query('select count(*)::int as n from t')).to.deep.equal([{ n: 40 }])
    })

    it('a statement that is asked again and again sees what has changed between', async () => {
      const statement = { name: 'all', sql: 'select n from t where n > $1 order by n' }
      for (const n of [1, 2, 3]) {
        await database.query('insert into t values ($1)', [n])
        expect(await database.run(statement, [1])).to.have.length(n - 1)
      }
      await database.query('alter table t add column more text')
      expect(await database.run(statement, [0]), 'after a migration').to.deep.equal([
        { n: 1 },
        { n: 2 },
        { n: 3 },
      ])
    })

    it('F-102 a statement that the server does not know any more, or not in this form, is answered all the same', async () => {
      const statement = { name: 'all', sql: 'select * from t where n > $1' }
      await database.query('insert into t values (1)')
      await database.run(statement, [0])
      await database.query('alter table t add column more text')
      expect(await database.run(statement, [0]), 'another form').to.deep.equal([{ n: 1, more: null }])
      const other = await open()
      await other.query('create table t (n integer)')
      await other.run(statement, [0])
      await other.query('deallocate all')
      expect(await other.run(statement, [0]), 'forgotten').to.deep.equal([])
    })

    it('an error of ours is not taken for an outage', async () => {
      expect(await database.query('select 1/0').catch(nameOf)).not.to.equal('Unavailable')
    })
  })

  it('F-214 F-217 what the server says of itself is `Unavailable`, what it says of the statement is not', async () => {
    const { database } = await openPostgres()
    const raised = (code: string) =>
      database
        .query(`do $$ begin raise exception using errcode = '${code}', message = 'as told'; end $$`)
        .catch(nameOf)
    // Raised by a trigger, serialisation, full disk, too many connections, read-only, lock not available, internal …
    for (const code of ['P0001', '40001', '53100', '53300', '25006', '55P03', 'XX000', '58030', '42501']) {
      expect(await raised(code), code).to.equal('Unavailable')
    }
    for (const code of ['22021', '22P02', '23505', '42601', '42804']) {
      expect(await raised(code), code).to.equal('error')
    }
  })

  it('F-214 a network that fails in a way nobody has listed is an outage; a mistake of ours is not', () => {
    const unlisted = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' })
    const fatal = Object.assign(new Error('no'), { code: '42501', severity: 'FATAL' })
    expect([unlisted, fatal, new Error('whatever')].map(isOutage)).to.deep.equal([true, true, true])
    expect(isOutage(new TypeError('undefined is not a function'))).to.equal(false)
  })

  it('F-215 a transaction that cannot be serialised runs again, at most twice, and is then `Unavailable`', async () => {
    const { database } = await openPostgres()
    let runs = 0
    const failing = database.transaction(async (transaction) => {
      runs++
      await transaction.query("do $$ begin raise exception using errcode = '40001'; end $$")
    })
    expect(await failing.catch(nameOf)).to.equal('Unavailable')
    expect(runs).to.equal(3)
  })

  it('a transaction that lost to a deadlock runs again', async () => {
    const { database } = await openPostgres()
    await database.query('create table t (n integer primary key, by text)')
    await database.query('insert into t values (1), (2)')
    let runs = 0
    const bothHold = barrier(2)
    const update = (first: number, second: number) =>
      database.transaction(async (transaction) => {
        runs++
        await transaction.query("update t set by = 'x' where n = $1", [first])
        await bothHold()
        await transaction.query("update t set by = 'x' where n = $1", [second])
      })
    await Promise.all([update(1, 2), update(2, 1)])
    // One more where the loser was quick enough to come into the winner's way once again.
    expect(runs).to.be.within(3, 4)
  })

  it('a server that is gone is `Unavailable`, and its return is noticed without a restart', async () => {
    const server = await startPostgres()
    const database = openDatabase(serverSettings(server.url))
    afterwards(() => database.close())
    expect(await database.query('select 1 as n')).to.deep.equal([{ n: 1 }])
    await server.kill()
    expect(await database.query('select 1').catch(nameOf)).to.equal('Unavailable')
    expect(await database.transaction((transaction) => transaction.query('select 1')).catch(nameOf)).to.equal(
      'Unavailable',
    )
    const again = await startPostgres({ port: server.port })
    afterwards(() => again.stop())
    expect(await database.query('select 2 as n')).to.deep.equal([{ n: 2 }])
  })

  it('a connection that breaks inside a transaction, between two statements, is `Unavailable` and nothing else', async () => {
    const { database, url } = await openPostgres()
    const other = openDatabase(serverSettings(url))
    afterwards(() => other.close())
    const broken = other.transaction(async (transaction) => {
      const [own] = await transaction.query<{ pid: number }>('select pg_backend_pid() as pid')
      await database.query('select pg_terminate_backend($1)', [own?.pid])
      const gone = () => database.query('select from pg_stat_activity where pid = $1', [own?.pid])
      await until(async () => (await gone()).length === 0)
      await transaction.query('select 1')
    })
    expect(await broken.catch(nameOf)).to.equal('Unavailable')
    expect(await other.query('select 2 as n')).to.deep.equal([{ n: 2 }])
  })

  it('a database that was not migrated yet is `Unavailable`', async () => {
    const { database } = await openPostgres()
    await database.query('alter table users rename to users_later')
    expect(await database.query('select id from users').catch(nameOf)).to.equal('Unavailable')
  })

  it('a statement that takes too long is `Unavailable`', async () => {
    const { url } = await openPostgres()
    const database = openDatabase({ ...serverSettings(url), statement_timeout: 50 })
    afterwards(() => database.close())
    expect(await database.query('select pg_sleep(10)').catch(nameOf)).to.equal('Unavailable')
  })
})

/** Resolves the first `count` callers once all of them have come; later ones at once. */
function barrier(count: number): () => Promise<void> {
  let left = count
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return () => {
    if (--left <= 0) open()
    return opened
  }
}

import { expect } from 'chai'
import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { forEachDatabase } from '../support/databases.ts'
import { openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'
import { type OpenLog, openLog } from './fixtures.ts'

const THIS_MONTH = "date_trunc('month', now() at time zone 'UTC')"

/** Writes rows of another time, in the partition of that time, and chains them. */
async function writeThen(database: Database, log: OpenLog, count: number, moment: string): Promise<void> {
  await database.query(
    `insert into audit_events (at, event, actor, month_slot)
     select t at time zone 'UTC', 'user.created', 'operator', (extract(year from t)::int * 12 + extract(month from t)::int) % 14
     from (select ${moment} as t) m, generate_series(1, ${count})`,
  )
  await log.chainAll()
}
const monthsAgo = (months: number) => `${THIS_MONTH} - interval '${months} months' + interval '1 second'`

forEachDatabase((_name, open) => {
  describe('the retention of the audit log', () => {
    let database: Database
    let log: OpenLog
    const count = async () => {
      const [row] = await database.query<{ count: string }>('select count(*) as count from audit_events')
      return Number(row?.count)
    }

    beforeEach(async () => {
      database = await open()
      log = openLog(database)
      await writeThen(database, log, 5, monthsAgo(13))
      await writeThen(database, log, 5, monthsAgo(12))
      await writeThen(database, log, 5, 'now()')
    })

    it('removes a month once all of it is older than twelve, and the chain says so', async () => {
      expect(await log.removeOldest()).to.deep.equal({ outcome: 'removed', through: 5 })
      expect(await log.verify()).to.deep.include({ rows: 11, findings: [] })
      const [row] = await database.query(
        "select position, actor, details - 'before' as details from audit_events where event = 'audit.truncated'",
      )
      expect(row).to.deep.equal({ position: '16', actor: 'keyturn', details: { through: 5, rows: 5 } })
      expect(await log.removeOldest(), 'at once again').to.deep.equal({ outcome: 'nothing' })
    })

    it('control: what is younger stays, whatever month of the last twelve it is of', async () => {
      await log.removeOldest()
      for (let months = 11; months > 0; months--) await writeThen(database, log, 1, monthsAgo(months))
      expect(await log.removeOldest()).to.deep.equal({ outcome: 'nothing' })
      expect(await count()).to.equal(22)
    })

    it('goes on month after month, as far as it is time', async () => {
      await database.query('truncate audit_events, audit_chain')
      for (const months of [15, 14, 13, 12]) await writeThen(database, log, 3, monthsAgo(months))
      const outcomes = []
      for (let times = 0; times < 3; times++) outcomes.push(await log.removeOldest())
      // Fourteen months ago had the partition of this month, where by now a row says what was removed.
      expect(outcomes).to.deep.equal([
        { outcome: 'removed', through: 3 },
        { outcome: 'removed', through: 9 },
        { outcome: 'nothing' },
      ])
      expect(await log.verify()).to.deep.include({ rows: 5, findings: [] })
    })

    it('a row that was chained among those of the next month goes with its own, and these with it', async () => {
      await database.query('truncate audit_events, audit_chain')
      await writeThen(database, log, 3, monthsAgo(13))
      await writeThen(database, log, 2, monthsAgo(12))
      await writeThen(database, log, 1, `${monthsAgo(12)} - interval '2 seconds'`)
      await writeThen(database, log, 4, 'now()')
      expect(await log.removeOldest()).to.deep.equal({ outcome: 'removed', through: 6 })
      expect(await log.verify()).to.deep.include({ rows: 5, findings: [] })
    })

    it('… but not before these are old enough, too', async () => {
      await writeThen(database, log, 1, monthsAgo(13))
      expect(await log.removeOldest()).to.deep.equal({ outcome: 'too_young' })
      expect(await log.verify()).to.deep.include({ rows: 16, findings: [] })
    })

    it('removes no month with a row that is not chained yet', async () => {
      await database.query(
        `insert into audit_events (at, event, actor, month_slot)
         select at, event, actor, month_slot from audit_events where position = 1`,
      )
      expect(await log.removeOldest()).to.deep.equal({ outcome: 'nothing' })
    })

    it('rows that somebody made look old are not removed for them', async () => {
      await database.query(
        `update audit_events e set at = o.at, month_slot = o.month_slot
         from audit_events o where o.position = 1 and e.position > 5 and e.position < 15`,
      )
      expect(await log.removeOldest()).to.have.property('outcome', 'damaged')
      expect(await count()).to.equal(15)
    })

    it('rows that somebody deleted themselves are missing, whatever they say of it', async () => {
      await database.query('delete from audit_events where position <= 5')
      expect(await log.found()).to.deep.equal(['missing 1-5'])
      await database.query(
        `insert into audit_events (at, event, actor, details)
         values (now(), 'audit.truncated', 'keyturn', '{"through": 5, "rows": 5}')`,
      )
      await database.query(
        `update audit_chain set floor_position = 5, floor_key_version = 1, floor_seal = mac,
           floor_mac = decode(repeat('00', 32), 'hex')`,
      )
      await log.chainAll()
      expect(await log.found()).to.deep.equal(['missing 1-5'])
      expect(await log.removeOldest()).not.to.have.property('outcome', 'removed')
    })

    it('a true floor is worth nothing for more rows than were removed', async () => {
      await log.removeOldest()
      await database.query('delete from audit_events where position <= 8')
      expect(await log.found()).to.deep.equal(['missing 6-8'])
      await database.query('update audit_chain set floor_position = 8')
      expect(await log.found()).to.deep.equal(['missing 1-8'])
    })

    it('rows that are put back where some were removed are none of ours', async () => {
      await database.query('create table kept as select * from audit_events where position = 3')
      await log.removeOldest()
      await database.query('insert into audit_events select * from kept')
      await database.query('drop table kept')
      expect(await log.found()).to.deep.equal(['inserted 3'])
    })

    it('what is expected must not be older than what was removed', async () => {
      const noted = async (position: number) => {
        const [row] = await database.query<{ mac: Buffer }>(
          'select mac from audit_events where position = $1',
          [position],
        )
        return `${position}:${row?.mac.toString('hex')}`
      }
      const [old, edge, next] = [await noted(4), await noted(5), await noted(6)]
      await log.removeOldest()
      expect(await log.found(next)).to.deep.equal([])
      expect(await log.found(edge)).to.deep.equal([])
      expect(await log.found(`5:${'0'.repeat(64)}`)).to.deep.equal(['cut 5 expected'])
      const refused = await log.verify(old).catch((error: Error) => error)
      expect(refused).to.include({ name: 'Refusal', code: 'expected_too_old' })
    })

    it('a verification under way goes on behind what is removed meanwhile', async () => {
      await database.query('truncate audit_events, audit_chain')
      await writeThen(database, log, 2300, monthsAgo(13))
      await writeThen(database, log, 5, 'now()')
      const { administration } = log
      for (const parts of [1, 2]) {
        let part = await administration.verify({})
        for (let done = 1; done < parts; done++) part = await administration.verify({ next: part.next })
        if (parts === 2) await log.removeOldest()
        while (part.next !== undefined) {
          part = await administration.verify({ next: part.next })
          expect(part.findings, `after ${parts} parts`).to.deep.equal([])
        }
      }
      expect(await count()).to.equal(6)
    })
  })
})

describe('the retention of the audit log, beside others', () => {
  it('gives up soon where somebody reads the month, and where another node has the chain', async () => {
    const { database, url } = await openPostgres()
    const log = openLog(database)
    const other = openDatabase({ connectionString: url })
    afterwards(() => other.close())
    await writeThen(database, log, 5, monthsAgo(13))
    await writeThen(database, log, 1, 'now()')
    await other.transaction(async (transaction) => {
      await transaction.query('select count(*) from audit_events')
      expect(await log.removeOldest().catch((error: Error) => error.name)).to.equal('Unavailable')
    })
    await other.transaction(async (transaction) => {
      await transaction.query('select from audit_chain for update')
      expect(await log.removeOldest()).to.deep.equal({ outcome: 'busy' })
    })
    expect(await log.verify()).to.deep.include({ rows: 6, findings: [] })
    expect(await log.removeOldest()).to.deep.equal({ outcome: 'removed', through: 5 })
  })
})

import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import { forEachDatabase } from '../support/databases.ts'
import { type OpenLog, openLog, SECOND_KEY } from './fixtures.ts'

/** Each column, and another value for it. */
const CHANGES: Record<string, string> = {
  id: 'id + 1000',
  month_slot: '(month_slot + 1) % 14',
  at: "at + interval '1 microsecond'",
  event: "'family.reuse'",
  actor: "'client:other'",
  user_id: 'null',
  client_id: "client_id || ' '",
  request_id: "'r-2'",
  address: "''",
  details: `details || '{"reason": "reuse"}'`,
  key_version: '3 - key_version',
  mac: 'set_byte(mac, 31, get_byte(mac, 31) # 1)',
}

forEachDatabase((_name, open) => {
  describe('verifying the audit log', () => {
    let database: Database
    let log: OpenLog

    beforeEach(async () => {
      database = await open()
      log = openLog(database)
      await log.write(10)
      await log.chainAll()
      await log.write(10)
      await log.chainAll(SECOND_KEY)
    })
    const tamper = (sql: string) => database.query(sql)

    it('control: finds nothing in a log that nobody has touched', async () => {
      const { findings, rows, head } = await log.verify()
      expect({ findings, rows }).to.deep.equal({ findings: [], rows: 20 })
      expect(head).to.match(/^20:[0-9a-f]{64}$/)
      expect(await log.found(head)).to.deep.equal([])
    })

    it('finds nothing in a log that goes on, expecting what was noted before', async () => {
      const noted = await log.head()
      await log.write(3)
      await log.chainAll()
      expect(await log.found(noted)).to.deep.equal([])
    })

    for (const [column, value] of Object.entries(CHANGES)) {
      it(`finds a changed ${column}, in the first row, the last and one between`, async () => {
        for (const position of [1, 13, 20]) {
          await tamper(`create table saved as select * from audit_events where position = ${position}`)
          await tamper(`update audit_events set ${column} = ${value} where position = ${position}`)
          const [finding, ...more] = (await log.verify()).findings
          expect(finding).to.include({ finding: 'changed', position })
          expect(more, `after ${position}`).to.deep.equal([])
          await tamper(`delete from audit_events where position = ${position}`)
          await tamper('insert into audit_events select * from saved')
          await tamper('drop table saved')
        }
        expect(await log.found()).to.deep.equal([])
      })
    }

    it('knows every column: one that is added must be chained, too', async () => {
      const rows = await database.query<{ name: string }>(
        "select attname as name from pg_attribute where attrelid = 'audit_events'::regclass and attnum > 0",
      )
      expect(rows.map(({ name }) => name)).to.have.members([...Object.keys(CHANGES), 'position'])
    })

    it('finds a changed position: the row is missing here and one too many there', async () => {
      await tamper('update audit_events set position = 15 where position = 5')
      expect(await log.found()).to.deep.equal(['missing 5-5', 'inserted 15'])
      await tamper('update audit_events set position = 25 where position = 15 and id = 5')
      expect(await log.found()).to.deep.equal(['inserted 25', 'missing 5-5'])
    })

    it('finds a row put back to wait, also after it was chained again', async () => {
      await tamper(
        `update audit_events set position = null, mac = null, key_version = null, actor = 'nobody' where position = 5`,
      )
      expect(await log.found()).to.deep.equal(['missing 5-5'])
      await log.chainAll()
      expect(await log.found()).to.deep.equal(['missing 5-5'])
    })

    it('finds deleted rows: one, a range, the first ones, all', async () => {
      await tamper('delete from audit_events where position = 8')
      expect(await log.found()).to.deep.equal(['missing 8-8'])
      await tamper('delete from audit_events where position between 12 and 14')
      expect(await log.found()).to.deep.equal(['missing 8-8', 'missing 12-14'])
      await tamper('delete from audit_events where position < 4')
      expect(await log.found()).to.deep.equal(['missing 1-3', 'missing 8-8', 'missing 12-14'])
      await tamper('delete from audit_events')
      expect(await log.found()).to.deep.equal(['missing 1-20'])
    })

    it('finds a tail that was cut', async () => {
      await tamper('delete from audit_events where position > 17')
      expect(await log.found()).to.deep.equal(['missing 18-20'])
    })

    it('finds a tail that was cut together with the head, by what was noted of it elsewhere', async () => {
      const noted = await log.head()
      await tamper('delete from audit_events where position > 17')
      await tamper(
        'update audit_chain set (position, mac) = (select position, mac from audit_events where position = 17)',
      )
      expect(await log.found(), 'without what was noted').to.deep.equal([])
      expect(await log.found(noted)).to.deep.equal(['cut 20 expected'])
      await log.write(10)
      await log.chainAll()
      expect(await log.found(noted), 'after the log has grown again').to.deep.equal(['cut 20 expected'])
    })

    it('finds a head that does not belong to the last row', async () => {
      await tamper("update audit_chain set mac = decode(repeat('ab', 32), 'hex')")
      expect(await log.found()).to.deep.equal(['cut 20 head'])
    })

    it('finds a head that was set back, and what is chained behind it a second time', async () => {
      await tamper(
        'update audit_chain set (position, mac) = (select position, mac from audit_events where position = 18)',
      )
      expect(await log.found()).to.deep.equal(['inserted 19', 'inserted 20'])
      await log.write(4)
      await log.chainAll()
      expect(await log.found()).to.deep.equal(['inserted 19', 'inserted 20'])
    })

    it('finds rows that have changed places: apart, side by side, in a ring', async () => {
      const swap = (pairs: string) =>
        tamper(
          `update audit_events e set position = p.to from (values ${pairs}) as p (position, "to")
           where e.position = p.position`,
        )
      await swap('(5, 9), (9, 5)')
      expect(await log.found()).to.deep.equal(['reordered 5 was 9', 'reordered 9 was 5'])
      await swap('(5, 9), (9, 5), (14, 15), (15, 14)')
      expect(await log.found()).to.deep.equal(['reordered 14 was 15', 'reordered 15 was 14'])
      await swap('(14, 15), (15, 14), (1, 11), (11, 20), (20, 1)')
      expect(await log.found()).to.include.members([
        'reordered 1 was 20',
        'reordered 11 was 1',
        'reordered 20 was 11',
      ])
    })

    it('finds rows that have exchanged what they say', async () => {
      await tamper(
        `update audit_events e set at = o.at, actor = o.actor, details = o.details || '{"x": 1}'
         from audit_events o where (e.position, o.position) in ((5, 9), (9, 5))`,
      )
      expect(await log.found()).to.deep.equal(['changed 5', 'changed 9'])
    })

    it('finds a forged row: at a place that is taken, behind the end, and instead of a genuine one', async () => {
      const forge = (position: number) =>
        tamper(
          `insert into audit_events (at, event, actor, position, key_version, mac)
           select now(), 'user.created', 'operator', ${position}, key_version, mac
           from audit_events where position = 7`,
        )
      await forge(21)
      await forge(7)
      expect(await log.found()).to.deep.equal(['inserted 21', 'inserted 7'])
      await tamper('delete from audit_events where position = 21 or (position = 7 and id < 20)')
      expect(await log.found()).to.deep.equal(['changed 7'])
    })

    it('finds a forged row that sorts before the genuine one', async () => {
      await tamper(
        `insert into audit_events (id, at, event, actor, position, key_version, mac)
         select -1, now(), 'user.created', 'operator', 7, key_version, mac from audit_events where position = 7`,
      )
      const [finding, ...more] = (await log.verify()).findings
      expect(finding).to.deep.include({ finding: 'inserted', position: 7 })
      expect(finding).to.have.nested.property('row.id', '-1')
      expect(more).to.deep.equal([])
    })

    it('finds a row below the first', async () => {
      await tamper(
        `insert into audit_events (at, event, actor, position, key_version, mac)
         select now(), 'user.created', 'operator', p, key_version, mac
         from audit_events, unnest(array[0, -5]) p where position = 7`,
      )
      expect(await log.found()).to.deep.equal(['inserted -5', 'inserted 0'])
    })

    it('finds a floor that nobody with the key has made', async () => {
      await tamper('delete from audit_events where position <= 5')
      await tamper(
        `update audit_chain set floor_position = 5, floor_key_version = 1, floor_seal = decode(repeat('00', 32), 'hex')`,
      )
      expect(await log.found()).to.deep.equal(['missing 1-5'])
    })

    it('finds rows that have waited for their place for more than a minute, and no younger ones', async () => {
      await log.write(2)
      expect(await log.found()).to.deep.equal([])
      await tamper("update audit_events set at = now() - interval '61 seconds' where position is null")
      expect(await log.found()).to.deep.equal(['unchained 2'])
    })

    it('says so when the chain has no head', async () => {
      await tamper('delete from audit_chain')
      const refused = await log.verify().catch((error: Error) => error)
      expect(refused).to.include({ name: 'Refusal', code: 'audit_head_missing' })
    })

    it('refuses to expect what is no head', async () => {
      for (const text of ['', '20', '20:00', `-1:${'0'.repeat(64)}`, `20:${'g'.repeat(64)}`]) {
        const refused = await log.verify(text).catch((error: Error) => error)
        expect(refused, text).to.include({ name: 'Refusal', code: 'expected_malformed' })
      }
    })

    it('goes through many pages, and finds what lies at their borders', async () => {
      await log.write(2600)
      await log.chainAll()
      expect(await log.verify()).to.deep.include({ findings: [], rows: 2620 })
      await tamper("update audit_events set actor = '' where position in (1000, 1001, 2620)")
      await tamper('delete from audit_events where position between 1999 and 2001')
      expect(await log.found()).to.deep.equal([
        'changed 1000',
        'changed 1001',
        'missing 1999-2001',
        'changed 2620',
      ])
    })
  })
})

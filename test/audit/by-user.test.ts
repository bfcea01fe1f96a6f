import { expect } from 'chai'
import { auditLogPostgres } from '../../src/audit/audit-log-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { lineagesPostgres } from '../../src/tokens/lineages-postgres.ts'
import { forEachDatabase } from '../support/databases.ts'

/** The same database, and how it would find what it is asked for. */
function explaining(database: Database) {
  const plans: string[] = []
  const asked: Database = {
    ...database,
    async query<Row extends object>(sql: string, values?: readonly unknown[]) {
      const rows = await database.query<{ 'QUERY PLAN': string }>(`explain ${sql}`, values)
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
      return database.query<Row>(sql, values)
    },
  }
  return { asked, plans }
}

/** All months full: a thousand users, one of whom has no rows, and one whose last are long ago. */
const FILL = `insert into audit_events (month_slot, at, event, actor, user_id, details)
  select n % 14, now(), 'session.begun', 'user:' || n % 1000, n % 1000, jsonb_build_object('session', 's_' || n)
  from generate_series(1, 30000) n where n % 1000 <> 7 or n < 15000`

forEachDatabase((_name, open) => {
  describe('what the audit log has of a user', () => {
    it('is found by an index, not by looking at the whole log', async () => {
      const database = await open()
      await database.query(FILL)
      await database.query('analyze audit_events')
      const { asked, plans } = explaining(database)
      const lineages = lineagesPostgres(asked)
      const log = auditLogPostgres(asked)
      expect(await lineages.eventsOf({ id: 's_7', userId: '7' })).to.have.length(1)
      expect(await lineages.eventsOf({ id: 's_7', userId: 'nobody' })).to.have.length(0)
      expect(await log.read({ limit: 20, userId: '7' })).to.have.length(15)
      expect(await log.read({ limit: 20, userId: 'nobody' })).to.have.length(0)
      expect(plans).to.have.length(4)
      for (const plan of plans) {
        expect(plan)
          .to.match(/Index (Scan|Cond).*user_id/)
          .and.not.to.match(/Seq Scan/)
        expect(plan, 'no partition by another way').not.to.match(/pkey|to_chain|by_position|by_time/)
      }
      await asked.query("select from audit_events where actor = 'user:7'")
      expect(plans.at(-1), 'control').to.match(/Seq Scan/)
    })
  })
})

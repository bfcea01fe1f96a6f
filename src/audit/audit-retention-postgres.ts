import type { Database } from '../postgres/database.ts'
import { extendFrom, lockHead } from './audit-chain-postgres.ts'
import { recordAudit } from './audit-postgres.ts'
import { floorSeal } from './chain.ts'
import type { AuditRetention } from './retention.ts'

/** As many as migration 0007 has made. */
const SLOTS = 14
/** While a month waits for the last reader to leave, other readers wait behind it. */
const LOCK_TIMEOUT_MS = 200

/** Retention in PostgreSQL: a month is a partition, and emptying it costs the same however much is in it. */
export function auditRetentionPostgres(database: Database): AuditRetention {
  return {
    async oldMonth() {
      const [row] = await database.query<{ slot: number; position: string; mac: Buffer; removable: string }>(
        `select s.slot, e.position, e.mac,
           to_jsonb(now() at time zone 'UTC' - interval '12 months') #>> '{}' as removable
         from generate_series(0, ${SLOTS - 1}) as s (slot)
         cross join lateral (
           select max(at) as latest, max(position) as position from audit_events where month_slot = s.slot) m
         join audit_events e on e.month_slot = s.slot and e.position = m.position
         where m.latest < (date_trunc('month', now() at time zone 'UTC') - interval '12 months') at time zone 'UTC'
           and not exists (select from audit_events w where w.month_slot = s.slot and w.position is null)
         order by e.position limit 1`,
      )
      if (row === undefined) return undefined
      const end = { position: Number(row.position), mac: row.mac }
      return { slot: row.slot, end, removableBefore: row.removable }
    },

    remove: ({ slot, end, removableBefore }, from, key) =>
      database.transaction(async (transaction) => {
        const claims = await lockHead(transaction)
        if (claims === undefined) return 'busy'
        const table = `audit_events_${Math.trunc(slot)}`
        await transaction.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`)
        await transaction.query(`lock table ${table} in access exclusive mode`)
        const [changed] = await transaction.query(
          `select from ${table} where position is null or position > $1
           union all select from audit_chain where floor_position <> $2 limit 1`,
          [end.position, from.position],
        )
        if (changed !== undefined) return 'busy'
        await transaction.query(`truncate ${table}`)
        await transaction.query('delete from audit_events where position <= $1', [end.position])
        await transaction.query(
          `update audit_chain set floor_position = $1, floor_mac = $2, floor_key_version = $3, floor_seal = $4`,
          [end.position, end.mac, key.version, floorSeal(key.key, end)],
        )
        await recordAudit(transaction, {
          event: 'audit.truncated',
          actor: 'keyturn',
          details: { through: end.position, rows: end.position - from.position, before: removableBefore },
        })
        await extendFrom(transaction, claims.head, key)
        return 'removed'
      }),
  }
}

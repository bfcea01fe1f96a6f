import type { Database, Queryable } from '../postgres/database.ts'
import type { ChainClaims } from './audit-log.ts'
import { type ClaimsRow, COLUMNS, toClaims } from './audit-log-postgres.ts'
import { type AuditRow, type ChainKey, type ChainPoint, linkRows } from './chain.ts'
import type { AuditChain } from './sequencer.ts'
import type { ChainSight } from './watch.ts'

/** Rows chained in one transaction: some ten milliseconds, also where there is only one connection. */
const BATCH = 1000
/** Waiting rows are counted up to this many. */
const COUNTED = 100_000
/** A node that is paused in the middle holds the chain for all others: ended by the server, it begins anew. */
const PAUSE_LIMIT_MS = 5000

/** The chain in PostgreSQL. */
export function auditChainPostgres(database: Database): AuditChain {
  return {
    async look(seen) {
      const found =
        (await lookNow(database, seen)) ?? (await makeHead(database)) ?? (await lookNow(database, seen))
      if (found === undefined) throw new Error('somebody removed the head of the audit log')
      return found
    },

    extend: (key, seen) =>
      database.transaction(async (transaction) => {
        const claims = await lockHead(transaction)
        if (claims === undefined) return { outcome: 'busy' }
        const [row] = await transaction.query<{ holds: boolean }>(`select ${HOLDS} as holds`, pointOf(seen))
        const from = { ...claims, holdsSeen: row?.holds === true }
        return { outcome: 'extended', from, ...(await extendFrom(transaction, claims.head, key)) }
      }),
  }
}

/**
 * Takes the chain for this transaction, without waiting.
 * @returns what it says of itself; undefined when another node has it
 */
export async function lockHead(transaction: Queryable): Promise<ChainClaims | undefined> {
  await transaction.query(`set local idle_in_transaction_session_timeout = ${PAUSE_LIMIT_MS}`)
  const [row] = await transaction.query<ClaimsRow>('select * from audit_chain for update skip locked')
  return row && toClaims(row)
}

/**
 * Chains the oldest waiting rows behind a head that the caller has locked. In order of id, which is the order in which they
 * were written but for those whose transaction took longer: these come later, and nothing is wrong with that. (With a bound on the id,
 * however many wait, PostgreSQL looks at no more than it returns.)
 * @returns the new end, how many rows got a place, and the ids of those that were an hour older than the row before them all
 */
export async function extendFrom(
  transaction: Queryable,
  head: ChainPoint,
  key: ChainKey,
): Promise<{ head: ChainPoint; rows: number; late: string[] }> {
  const rows = await transaction.query<AuditRow & { isLate: boolean | null }>(
    `select ${COLUMNS}, e.at < (select max(at) from audit_events where position = $1) - interval '1 hour' as "isLate"
     from audit_events e
     where e.position is null and e.id < (select min(id) from audit_events where position is null) + ${BATCH}
     order by e.id, e.month_slot limit ${BATCH}`,
    [head.position],
  )
  const chained = linkRows(key, head, rows)
  const last = chained.at(-1)
  if (last === undefined) return { head, rows: 0, late: [] }
  await transaction.query(
    `update audit_events e set position = c.position, key_version = $5, mac = c.mac
     from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bytea[]) as c (id, month_slot, position, mac)
     where e.id = c.id and e.month_slot = c.month_slot and e.month_slot = any ($2)`,
    [
      chained.map(({ id }) => id),
      chained.map(({ monthSlot }) => monthSlot),
      chained.map(({ position }) => position),
      chained.map(({ mac }) => mac),
      key.version,
    ],
  )
  await transaction.query('update audit_chain set position = $1, mac = $2', [last.position, last.mac])
  const late = rows.flatMap(({ id, isLate }) => (isLate ? [id] : []))
  return { head: { position: Number(last.position), mac: last.mac }, rows: rows.length, late }
}

/** Whether the row at the place $1 has the mac $2, and no other row has that place. */
const HOLDS = `coalesce((select bool_and(mac is not distinct from $2::bytea) from audit_events
  where position = $1::bigint), false)`

function pointOf(seen: ChainPoint | undefined): unknown[] {
  return [seen?.position ?? null, seen?.mac ?? null]
}

/** All of it as of one moment. */
async function lookNow(
  database: Database,
  seen: ChainPoint | undefined,
): Promise<(ChainSight & { waiting: number }) | undefined> {
  const [row] = await database.query<ClaimsRow & { holds: boolean; waiting: string }>(
    `select c.*, ${HOLDS} as holds, (select count(*) from
       (select from audit_events where position is null limit ${COUNTED}) w) as waiting from audit_chain c`,
    pointOf(seen),
  )
  return row && { ...toClaims(row), holdsSeen: row.holds, waiting: Number(row.waiting) }
}

/** Begins a chain, unless there are chained rows already: whoever removed their head must not be helped. */
async function makeHead(database: Database): Promise<undefined> {
  await database.query(
    `insert into audit_chain (is_only_row)
     select true where not exists (select from audit_events where position is not null)
     on conflict do nothing`,
  )
}

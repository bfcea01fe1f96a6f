import type { Database, Queryable } from '../postgres/database.ts'
import { COLUMNS } from './audit-log-postgres.ts'
import { type AuditRow, type ChainKey, type ChainPoint, linkRows } from './chain.ts'
import type { AuditChain } from './sequencer.ts'

/** Rows chained in one transaction: some ten milliseconds, also where there is only one connection. */
const BATCH = 1000
/** Waiting rows are counted up to this many. */
const COUNTED = 100_000
/** A node that is paused in the middle holds the chain for all others: ended by the server, it begins anew. */
const PAUSE_LIMIT_MS = 5000

/** The chain in PostgreSQL. */
export function auditChainPostgres(database: Database): AuditChain {
  return {
    async look() {
      const found = (await lookNow(database)) ?? (await makeHead(database)) ?? (await lookNow(database))
      if (found === undefined) throw new Error('somebody removed the head of the audit log')
      return found
    },

    extend: (key) =>
      database.transaction(async (transaction) => {
        const head = await lockHead(transaction)
        if (head === undefined) return { outcome: 'busy' }
        return { outcome: 'extended', ...(await extendFrom(transaction, head, key)) }
      }),
  }
}

/**
 * Takes the chain for this transaction, without waiting.
 * @returns its end; undefined when another node has it
 */
export async function lockHead(transaction: Queryable): Promise<ChainPoint | undefined> {
  await transaction.query(`set local idle_in_transaction_session_timeout = ${PAUSE_LIMIT_MS}`)
  const [head] = await transaction.query<{ position: string; mac: Buffer }>(
    'select position, mac from audit_chain for update skip locked',
  )
  return head && { position: Number(head.position), mac: head.mac }
}

/**
 * Chains the oldest waiting rows behind a head that the caller has locked. In order of id, which is the order in which they
 * were written but for those whose transaction took longer: these come later, and nothing is wrong with that. (With a bound on the id,
 * however many wait, PostgreSQL looks at no more than it returns.)
 */
export async function extendFrom(
  transaction: Queryable,
  head: ChainPoint,
  key: ChainKey,
): Promise<{ head: ChainPoint; rows: number }> {
  const rows = await transaction.query<AuditRow>(
    `select ${COLUMNS} from audit_events e
     where e.position is null and e.id < (select min(id) from audit_events where position is null) + ${BATCH}
     order by e.id, e.month_slot limit ${BATCH}`,
  )
  const chained = linkRows(key, head, rows)
  const last = chained.at(-1)
  if (last === undefined) return { head, rows: 0 }
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
  return { head: { position: Number(last.position), mac: last.mac }, rows: rows.length }
}

async function lookNow(database: Database): Promise<{ head: ChainPoint; waiting: number } | undefined> {
  const [row] = await database.query<{ position: string; mac: Buffer; waiting: string }>(
    `select position, mac, (select count(*) from
       (select from audit_events where position is null limit ${COUNTED}) w) as waiting from audit_chain`,
  )
  if (row === undefined) return undefined
  return { head: { position: Number(row.position), mac: row.mac }, waiting: Number(row.waiting) }
}

/** Begins a chain, unless there are chained rows already: whoever removed their head must not be helped. */
async function makeHead(database: Database): Promise<undefined> {
  await database.query(
    `insert into audit_chain (is_only_row)
     select true where not exists (select from audit_events where position is not null)
     on conflict do nothing`,
  )
}

import type { Queryable } from '../postgres/database.ts'
import type { AuditLog, ChainClaims, LoggedRow, RowCursor } from './audit-log.ts'
import type { AuditRow, ChainedRow } from './chain.ts'

/**
 * The columns of an `AuditRow`: all but the chain's own. As text that depends neither on the session's settings nor on
 * JavaScript, whose dates end at milliseconds. (Order by `e.id`: a bare `id` is the text.)
 */
export const COLUMNS = `e.id::text, e.month_slot::text as "monthSlot", to_jsonb(e.at at time zone 'UTC') #>> '{}' as at,
  e.event, e.actor, e.user_id as "userId", e.client_id as "clientId", e.request_id as "requestId", e.address,
  e.details::text as details`

/** The audit log in PostgreSQL. */
export function auditLogPostgres(database: Queryable): AuditLog {
  return {
    async read({ limit, event, userId, afterPosition }) {
      const isFollowing = afterPosition !== undefined
      const rows = await database.query<LoggedRow>(
        `select ${COLUMNS}, e.position::text from audit_events e
         where ($1::text is null or e.event = $1)
           and ($2::text is null or e.user_id = $2)
           ${isFollowing ? 'and e.position > $4 order by e.position' : 'order by e.id desc'} limit $3`,
        [event ?? null, userId ?? null, limit, ...(isFollowing ? [afterPosition] : [])],
      )
      return isFollowing ? rows : rows.reverse()
    },

    readAhead: ({ events, after, until, limit }) =>
      database.query<LoggedRow>(
        `select ${COLUMNS}, e.position::text from audit_events e
         where e.position > $1 and e.position <= $2 and e.event = any($3) order by e.position limit $4`,
        [after, until, events, limit],
      ),

    async claims() {
      const [row] = await database.query<ClaimsRow>('select * from audit_chain')
      return row && toClaims(row)
    },

    async outside() {
      const rows = await database.query<ClaimsRow & OutsideRow>(
        `with behind as (
           select ${COLUMNS}, e.position::text from audit_events e
           where e.position > (select position from audit_chain) order by e.position limit 100
         ), late as (
           select ${COLUMNS} from audit_events e where ${LATE} order by e.id limit 1
         )
         select c.*, (select count(*) from audit_events e where ${LATE}) as late, o.* from audit_chain c left join (
           select 'behind' as kind, to_jsonb(behind) as row from behind
           union all
           select 'late', to_jsonb(late) from late
         ) o on true`,
      )
      const [first] = rows
      if (first === undefined) return undefined
      const behind = rows.flatMap(({ kind, row }) => (kind === 'behind' ? [row] : []))
      const late = { rows: Number(first.late), first: rows.find(({ kind }) => kind === 'late')?.row }
      return { ...toClaims(first), behind, late }
    },

    // Without a gap a page ends here, and PostgreSQL looks at no row behind it.
    async chained({ after, until, limit }) {
      const near = Number(after?.position ?? 0) + limit
      const rows = near < until ? await readPage(after, near, limit) : []
      return rows.length === limit ? rows : readPage(after, until, limit)
    },
  }

  /** What the table forbids (a place without a mac) is read as a wrong one. */
  function readPage(after: RowCursor | undefined, until: number, limit: number): Promise<ChainedRow[]> {
    return database.query<ChainedRow>(
      `select ${COLUMNS}, e.position::text, coalesce(e.key_version, 0)::text as "keyVersion",
         coalesce(e.mac, '') as mac
       from audit_events e
       where e.position <= $4 and ($1::bigint is null or
         (e.position >= $1 and (e.position, e.id, e.month_slot) > ($1, $2::bigint, $3::smallint)))
       order by e.position, e.id, e.month_slot limit $5`,
      [after?.position ?? null, after?.id ?? null, after?.monthSlot ?? null, until, limit],
    )
  }
}

const LATE = "e.position is null and e.at < now() - interval '1 minute'"

/** The row of `audit_chain`. */
export interface ClaimsRow {
  position: string
  mac: Buffer
  floor_position: string
  floor_mac: Buffer
  floor_key_version: number | null
  floor_seal: Buffer | null
}

interface OutsideRow {
  late: string
  kind: 'behind' | 'late' | null
  row: AuditRow & { position: string }
}

export function toClaims(row: ClaimsRow): ChainClaims {
  return {
    head: { position: Number(row.position), mac: row.mac },
    floor: {
      position: Number(row.floor_position),
      mac: row.floor_mac,
      keyVersion: row.floor_key_version ?? 0,
      seal: row.floor_seal ?? Buffer.alloc(0),
    },
  }
}

import { recordAudit } from '../audit/audit-postgres.ts'
import type { Database } from '../postgres/database.ts'
import { endCredentialsOfUser } from './credential-parts-postgres.ts'
import { END_REASON, isLive, KEPT_AFTER_END, sessionsWithFacts } from './live-postgres.ts'
import type { EndReason, Session } from './session.ts'
import { CLIENT_CUTOFF, endSessionsOfUser } from './session-parts-postgres.ts'
import type { Sessions } from './sessions.ts'

interface SessionRow {
  id: string
  user_id: string
  username: string
  client_id: string | null
  address: string | null
  user_agent: string | null
  authentication_methods: string[]
  authenticated_at: Date
  last_seen_at: Date
  is_live: boolean
  ended_at: Date | null
  end_reason: EndReason | null
}

/** Live sessions of a user are counted up to this many. */
const COUNTED = 10_000

/** `$1` is the present moment. */
const SELECT = `
  select s.id, s.user_id, u.username, c.id as client_id, s.address, s.user_agent, s.authentication_methods,
    s.authenticated_at, coalesce(families.rotated_at, s.authenticated_at) as last_seen_at,
    ${isLive('$1')} as is_live, s.ended_at, ${END_REASON} as end_reason
  from ${sessionsWithFacts('$1')}`

/** Sessions in PostgreSQL. */
export function sessionsPostgres(database: Database): Sessions {
  return {
    async list({ userId, clientId, onlyLive }, { limit, after }, now) {
      const ofFilter = '($2::text is null or s.user_id = $2) and ($3::text is null or s.client_id = $3)'
      const filter = [userId ?? null, clientId ?? null]
      let createdAt: string | null = null
      if (after !== undefined) {
        // As text: a Date would cut the microseconds off.
        const [last] = await database.query<{ created_at: string }>(
          `select s.created_at::text from sessions s where s.id = $1 and ${ofFilter}`,
          [after, ...filter],
        )
        if (!last) return undefined
        createdAt = last.created_at
      }
      const rows = await database.query<SessionRow>(
        `${SELECT} where ${ofFilter}
           and ($4::timestamptz is null or (s.created_at, s.id) < ($4, $5))
           ${onlyLive ? `and ${isLive('$1')}` : ''}
         order by s.created_at desc, s.id desc limit $6`,
        [now, ...filter, createdAt, after ?? null, limit],
      )
      return rows.map(toSession)
    },

    async find(id, now) {
      const [row] = await database.query<SessionRow>(`${SELECT} where s.id = $2`, [now, id])
      return row && toSession(row)
    },

    end: (id, { reason, actor, now }, userId) =>
      database.transaction(async (transaction) => {
        const [session] = await transaction.query<{ user_id: string; client_id: string | null }>(
          'select user_id, client_id from sessions where id = $1 and ($2::text is null or user_id = $2)',
          [id, userId ?? null],
        )
        if (!session) return 'unknown'
        await transaction.query(
          'update refresh_families set ended_at = $3, end_reason = $2 where session_id = $1 and ended_at is null',
          [id, reason, now],
        )
        const ended = await transaction.query(
          `update sessions set ended_at = $3, end_reason = $2, remove_after = $3::timestamptz + ${KEPT_AFTER_END}
           where id = $1 and ended_at is null returning id`,
          [id, reason, now],
        )
        if (ended.length === 0) return 'already_ended'
        await recordAudit(transaction, {
          event: 'session.ended',
          actor,
          userId: session.user_id,
          ...(session.client_id !== null && { clientId: session.client_id }),
          details: { session: id, reason },
        })
        return 'ended'
      }),

    endOfUser: (userId, { reason, actor, now }) =>
      database.transaction(async (transaction) => {
        // A login under way holds this row until its session is there to be ended.
        const user = await transaction.query('select id from users where id = $1 for no key update', [userId])
        if (user.length === 0) return undefined
        const [live] = await transaction.query<{ count: number }>(
          `select count(*)::integer as count from (
             select from ${sessionsWithFacts('$1')} where s.user_id = $2 and ${isLive('$1')} limit ${COUNTED}) live`,
          [now, userId],
        )
        const count = live?.count ?? 0
        await endSessionsOfUser(transaction, userId, reason, now)
        await endCredentialsOfUser(transaction, userId)
        await recordAudit(transaction, {
          event: 'sessions.ended',
          actor,
          userId,
          details: { reason, count },
        })
        return count
      }),

    endOfClient: (clientId, actor) =>
      database.transaction(async (transaction) => {
        const ended = await transaction.query(
          `update clients set families_end_before = ${CLIENT_CUTOFF} where id = $1 returning id`,
          [clientId],
        )
        if (ended.length === 0) return false
        const details = { reason: 'client_ended' }
        await recordAudit(transaction, { event: 'sessions.ended', actor, clientId, details })
        return true
      }),

    endIssuedBefore: (moment, actor) =>
      database.transaction(async (transaction) => {
        const set = await transaction.query(
          `insert into session_cutoff (ended_before) select $1::timestamptz where $1::timestamptz <= clock_timestamp()
           on conflict (is_only) do update
             set ended_before = greatest(session_cutoff.ended_before, excluded.ended_before)
           returning ended_before`,
          [moment],
        )
        if (set.length === 0) return false
        const details = { reason: 'issued_before', before: moment.toISOString() }
        await recordAudit(transaction, { event: 'sessions.ended', actor, details })
        return true
      }),
  }
}

function toSession(row: SessionRow): Session {
  const endReason = row.is_live ? null : row.end_reason
  return {
    id: row.id,
    userId: row.user_id,
    username: row.username,
    clientId: row.client_id,
    address: row.address,
    userAgent: row.user_agent,
    authenticationMethods: row.authentication_methods,
    signedInAt: row.authenticated_at,
    lastSeenAt: row.last_seen_at,
    state: row.is_live ? 'live' : endReason === null ? 'expired' : 'ended',
    endedAt: row.ended_at,
    endReason,
  }
}

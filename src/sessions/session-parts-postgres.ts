import { recordAudit } from '../audit/audit-postgres.ts'
import type { Queryable } from '../postgres/database.ts'
import { currentRequest } from '../telemetry/request-context.ts'
import { familyStands, KEPT_AFTER_END } from './live-postgres.ts'
import type { EndReason } from './session.ts'

// Parts of other stores' transactions. Whoever locks families and their session does so in this order, so that no two
// of them deadlock.

/**
 * Records a login, within the caller's transaction. The user's row is held until it commits, so that whoever disables the
 * user or changes the password comes before (and nothing is recorded) or after (and ends what was recorded).
 * Where it comes from is taken from the request being served. The time of creation is the database's, so that a cutoff,
 * which is too, means the same on every node.
 * Each new row removes up to two that are past their time (with the families under them), so the table follows the
 * number of live sessions without a janitor. (Past it by the database's clock as well: a node whose clock is ahead must
 * not remove what is live.)
 * @returns false when the user is no longer active, or no longer has the password that was checked
 */
export async function insertSession(
  transaction: Queryable,
  session: {
    id: string
    userId: string
    clientId: string
    authenticatedAt: Date
    authenticationMethods: readonly string[]
    passwordChangedAt: Date | null
    expiresAt: Date
  },
): Promise<boolean> {
  const request = currentRequest()
  const inserted = await transaction.query(
    `with removed as (
       delete from sessions where id in (
         select id from sessions where remove_after < least($3, now()) order by remove_after limit 2 for update skip locked)
     ), standing as (
       -- What we compare with has come through a Date, which knows milliseconds.
       select id from users where id = $2 and is_active
         and date_trunc('milliseconds', password_changed_at) is not distinct from $5 for share
     )
     insert into sessions (id, user_id, authenticated_at, created_at, remove_after, client_id, address, user_agent,
       authentication_methods)
     select $1, standing.id, $3, now(), $4::timestamptz + ${KEPT_AFTER_END}, $6, $7, $8, $9 from standing
     returning id`,
    [
      session.id,
      session.userId,
      session.authenticatedAt,
      session.expiresAt,
      session.passwordChangedAt,
      session.clientId,
      request?.address ?? null,
      request?.userAgent ?? null,
      session.authenticationMethods,
    ],
  )
  if (inserted.length === 0) return false
  await recordAudit(transaction, {
    event: 'session.begun',
    actor: `user:${session.userId}`,
    userId: session.userId,
    clientId: session.clientId,
    details: { session: session.id, methods: session.authenticationMethods.join(' ') },
  })
  return true
}

/**
 * Part of a statement that has moved families: `moved (session_id, idle_expires_at)`. Keeps their sessions' rows long
 * enough, in steps of a day so that few rotations touch the index.
 */
export const KEEP_SESSION = `kept as (
  update sessions s set remove_after = m.idle_expires_at + ${KEPT_AFTER_END} + interval '1 day'
  from moved m where s.id = m.session_id and s.remove_after < m.idle_expires_at + ${KEPT_AFTER_END}
)`

/** Rows ended by one statement: far below the time that a statement may take. */
const ENDED_AT_ONCE = 5000

/**
 * Ends every session of a user, and the refresh families under them, within the caller's transaction, which holds the
 * user's row: once it commits, no node accepts any of their tokens. In pieces, since a script that logs in on each of its
 * runs can have more of them than one statement can end in its time; in the order of their ids, as all who lock many.
 * @param keptSessionId of the session that stays, in which the user does this
 */
export async function endSessionsOfUser(
  transaction: Queryable,
  userId: string,
  reason: EndReason,
  now: Date,
  keptSessionId: string | null = null,
): Promise<void> {
  const live = (
    table: string,
    session: string,
  ) => `select id from ${table} where user_id = $1 and ended_at is null
    and ($4::text is null or ${session} <> $4) order by id limit ${ENDED_AT_ONCE} for no key update`
  for (const statement of [
    `update refresh_families set ended_at = $3, end_reason = $2
     where id in (${live('refresh_families', 'session_id')}) returning 1`,
    `update sessions set ended_at = $3, end_reason = $2, remove_after = $3::timestamptz + ${KEPT_AFTER_END}
     where id in (${live('sessions', 'id')}) returning 1`,
  ]) {
    let ended: object[]
    do ended = await transaction.query(statement, [userId, reason, now, keptSessionId])
    while (ended.length === ENDED_AT_ONCE)
  }
}

/**
 * Ends a session, within the caller's transaction that has just ended one of its families, unless another family of it
 * stands.
 * @returns whether it has ended the session
 */
export async function endSessionWithoutFamilies(
  transaction: Queryable,
  sessionId: string,
  reason: EndReason,
  now: Date,
): Promise<boolean> {
  // Held before the families are looked at: of two transactions that end its last two, the second must see the first.
  await transaction.query('select id from sessions where id = $1 for no key update', [sessionId])
  const ended = await transaction.query(
    `update sessions set ended_at = $3, end_reason = $2, remove_after = $3::timestamptz + ${KEPT_AFTER_END}
     where id = $1 and ended_at is null and not exists (
       select 1 from refresh_families f join clients fc on fc.id = f.client_id
       where f.session_id = $1 and ${familyStands('fc')})
     returning id`,
    [sessionId, reason, now],
  )
  return ended.length > 0
}

/**
 * The moment before which everything that client `$1` has begun is to end, for a statement that sets
 * `families_end_before`: now, or later where the database's clock was ahead when the client last began something. Logins
 * still under way have begun before it.
 */
export const CLIENT_CUTOFF = `greatest(clock_timestamp(), families_end_before,
  (select max(s.created_at) + interval '1 microsecond' from sessions s where s.client_id = $1))`

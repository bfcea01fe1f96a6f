import type { Queryable } from '../postgres/database.ts'
import type { EndReason } from './session.ts'

/** How long the row of an ended or expired session is kept, so that an operator can still ask what happened. */
const KEPT_AFTER_END = "interval '7 days'"

/**
 * Records a login, within the caller's transaction. The user's row is held until it commits, so that whoever disables the
 * user or changes the password comes before (and nothing is recorded) or after (and ends what was recorded).
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
    authenticatedAt: Date
    passwordChangedAt: Date | null
    expiresAt: Date
  },
): Promise<boolean> {
  const inserted = await transaction.query(
    `with removed as (
       delete from sessions where id in (
         select id from sessions where remove_after < least($3, now()) order by remove_after limit 2 for update skip locked)
     ), standing as (
       select id from users where id = $2 and is_active and password_changed_at is not distinct from $5 for share
     )
     insert into sessions (id, user_id, authenticated_at, created_at, remove_after)
     select $1, standing.id, $3, $3, $4::timestamptz + ${KEPT_AFTER_END} from standing
     returning id`,
    [session.id, session.userId, session.authenticatedAt, session.expiresAt, session.passwordChangedAt],
  )
  return inserted.length > 0
}

/**
 * Part of a statement that has moved families: `moved (session_id, idle_expires_at)`. Keeps their sessions' rows long
 * enough, in steps of a day so that few rotations touch the index.
 */
export const KEEP_SESSION = `kept as (
  update sessions s set remove_after = m.idle_expires_at + ${KEPT_AFTER_END} + interval '1 day'
  from moved m where s.id = m.session_id and s.remove_after < m.idle_expires_at + ${KEPT_AFTER_END}
)`

/**
 * Ends every live session of a user, and the refresh families under them, within the caller's transaction: once it
 * commits, no node accepts any of their tokens.
 */
export async function endSessionsOfUser(
  transaction: Queryable,
  userId: string,
  reason: EndReason,
  now: Date,
): Promise<void> {
  await transaction.query(
    `with ended as (
       update sessions set ended_at = $3, end_reason = $2, remove_after = $3::timestamptz + ${KEPT_AFTER_END}
       where user_id = $1 and ended_at is null
     )
     update refresh_families set ended_at = $3, end_reason = $2 where user_id = $1 and ended_at is null`,
    [userId, reason, now],
  )
}

/** Ends every live refresh family that a client holds, within the caller's transaction. */
export async function endFamiliesOfClient(
  transaction: Queryable,
  clientId: string,
  reason: EndReason,
  now: Date,
): Promise<void> {
  await transaction.query(
    'update refresh_families set ended_at = $3, end_reason = $2 where client_id = $1 and ended_at is null',
    [clientId, reason, now],
  )
}

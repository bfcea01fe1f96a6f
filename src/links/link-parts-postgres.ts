import type { Queryable } from '../postgres/database.ts'
import type { PresentedLink } from './links.ts'

// Parts of other stores' transactions: a link is used up by the change that it allows, or not at all.

/** Whether a link is good, for a statement in which it is `l` and its user `u`; `$3` is now. */
export const LINK_STANDS = `l.digest = $1 and l.purpose = $2 and l.expires_at > $3 and u.id = l.user_id and u.is_active
  and l.email = u.email and l.password_changed_at is not distinct from u.password_changed_at`

/**
 * Uses a link up, within the caller's transaction, and with it every other one that its user has for the same purpose.
 * The user's row is held from here on, so that of two who present a link at once one gets something.
 * @returns whose it was; undefined where it is not good, or not any more
 */
export async function useLink(
  transaction: Queryable,
  { purpose, digest }: PresentedLink,
  now: Date,
): Promise<string | undefined> {
  await transaction.query(
    'select u.id from users u join links l on l.user_id = u.id where l.digest = $1 for update of u',
    [digest],
  )
  const [used] = await transaction.query<{ user_id: string }>(
    `delete from links l using users u where ${LINK_STANDS} returning l.user_id`,
    [digest, purpose, now],
  )
  if (!used) return undefined
  await transaction.query('delete from links where user_id = $1 and purpose = $2', [used.user_id, purpose])
  return used.user_id
}

import type { Queryable } from '../postgres/database.ts'

// Parts of other stores' transactions, which hold the user's row: what they do to a user ends more than sessions.

/**
 * Ends everything but sessions that a user could present without a password. Belongs to each change that signs a user out
 * everywhere, in its transaction: whoever has been shut out must not come back with a key.
 */
export async function endCredentialsOfUser(transaction: Queryable, userId: string): Promise<void> {
  await endAuthtokensOfUser(transaction, userId)
  await transaction.query(
    'update api_keys set revoked_at = now() where user_id = $1 and revoked_at is null',
    [userId],
  )
}

/**
 * Ends the authtokens of a user. The rows stay until they are ended the next time, so that who presents one can be told
 * that the user is disabled, and go then: there are never more than two lots of them.
 */
async function endAuthtokensOfUser(transaction: Queryable, userId: string): Promise<void> {
  await transaction.query(
    `delete from authtokens t using users u where u.id = $1 and t.user_id = u.id and t.version < u.authtoken_version`,
    [userId],
  )
  await transaction.query('update users set authtoken_version = authtoken_version + 1 where id = $1', [
    userId,
  ])
}

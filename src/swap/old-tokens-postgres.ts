import { recordAudit } from '../audit/audit-postgres.ts'
import type { Database } from '../postgres/database.ts'
import type { FoundOldToken, OldTokens } from './old-tokens.ts'

/** Expired rows removed with each that is written: the table ends with the last of them. */
const REMOVED_AT_ONCE = 100

const removeExpired = (now: string) => `removed as (
  delete from old_refresh_tokens where jti in (
    select jti from old_refresh_tokens where expires_at < least(${now}, now()) order by expires_at
    limit ${REMOVED_AT_ONCE} for update skip locked)
)`

/** Old refresh tokens in PostgreSQL. */
export function oldTokensPostgres(database: Database): OldTokens {
  return {
    // With the first version: whatever has ended a user's credentials here has ended tokens that come later, too.
    addAll: (tokens, now, actor) =>
      database.transaction(async (transaction) => {
        const added = await transaction.query<{ is_new: boolean }>(
          `with ${removeExpired('$5::timestamptz')}, asked as (
             select distinct on (jti) * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::boolean[])
               as n (jti, user_id, expires_at, is_blacklisted)
           )
           insert into old_refresh_tokens (jti, user_id, expires_at, is_blacklisted, version)
           select a.jti, u.id, a.expires_at, a.is_blacklisted, 1
           from asked a join users u on u.id = a.user_id
           on conflict (jti) do update set is_blacklisted = true
             where excluded.is_blacklisted and not old_refresh_tokens.is_blacklisted
           returning xmax = 0 as is_new`,
          [
            tokens.map(({ jti }) => jti),
            tokens.map(({ userId }) => userId),
            tokens.map(({ expiresAt }) => expiresAt.toISOString()),
            tokens.map(({ isBlacklisted }) => isBlacklisted),
            now,
          ],
        )
        const count = added.filter(({ is_new }) => is_new).length
        if (added.length > 0) {
          const details = { count, blacklisted: added.length - count }
          await recordAudit(transaction, { event: 'old_token.imported', actor, details })
        }
        return count
      }),

    async find(jti, userId) {
      const [row] = await database.query<Row>(
        `select u.id, u.username, u.is_active, u.is_staff or u.is_superuser as is_privileged, u.password_changed_at,
           t.jti is not null as is_listed, coalesce(t.is_blacklisted, false) as is_blacklisted,
           u.authtoken_version <> coalesce(t.version, 1) as has_ended, t.swapped_at is not null as is_swapped
         from (values ($1::text)) as asked (jti) left join old_refresh_tokens t on t.jti = asked.jti
         join users u on u.id = coalesce(t.user_id, $2)`,
        [jti, userId ?? null],
      )
      return row && toFound(row)
    },

    noteSwap: ({ jti, userId, expiresAt }, now, event) =>
      database.transaction(async (transaction) => {
        const [user] = await transaction.query<{ version: number }>(
          'select authtoken_version as version from users where id = $1 for share',
          [userId],
        )
        const noted = await transaction.query<{ version: number }>(
          `with ${removeExpired('$4::timestamptz')}
           insert into old_refresh_tokens (jti, user_id, expires_at, version, swapped_at) values ($1, $2, $3, 1, $4)
           on conflict (jti) do update set swapped_at = excluded.swapped_at
             where old_refresh_tokens.swapped_at is null
           returning version`,
          [jti, userId, expiresAt, now],
        )
        if (noted.some(({ version }) => version !== user?.version)) return 'ended'
        if (noted.length > 0) await recordAudit(transaction, event)
        return 'noted'
      }),

    async blacklist({ jti, userId, expiresAt }) {
      await database.query(
        `insert into old_refresh_tokens (jti, user_id, expires_at, version, is_blacklisted)
         values ($1, $2, $3, 1, true) on conflict (jti) do update set is_blacklisted = true`,
        [jti, userId, expiresAt],
      )
    },
  }
}

interface Row {
  id: string
  username: string
  is_active: boolean
  is_privileged: boolean
  password_changed_at: Date | null
  is_listed: boolean
  is_blacklisted: boolean
  has_ended: boolean
  is_swapped: boolean
}

function toFound(row: Row): FoundOldToken {
  return {
    user: { id: row.id, username: row.username },
    userIsActive: row.is_active,
    userIsStaff: row.is_privileged,
    passwordChangedAt: row.password_changed_at,
    isListed: row.is_listed,
    isBlacklisted: row.is_blacklisted,
    hasEnded: row.has_ended,
    isSwapped: row.is_swapped,
  }
}

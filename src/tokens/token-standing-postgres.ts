import { recordAudit } from '../audit/audit-postgres.ts'
import { coalesce } from '../postgres/coalesce.ts'
import type { Database } from '../postgres/database.ts'
import { clientLets, familyStands, SESSION_STANDS } from '../sessions/live-postgres.ts'
import type { TokenBasis, TokenStanding } from './token-standing.ts'

/** Longer than any two clocks differ: a node that is behind still takes the token for a live one. */
const KEPT_AFTER_EXPIRY = "interval '1 hour'"

const STATEMENT = {
  name: 'token_standing',
  sql: `
  select
    (case when asked.key_id is null then c.id is not null and c.disabled_at is null
      else exists (select 1 from api_keys k where k.id = asked.key_id and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now())) end)
    and not exists (select 1 from revoked_access_tokens r where r.jti = asked.jti)
    and (asked.user_id is null
      or exists (select 1 from users u where u.id = asked.user_id and u.is_active))
    and (asked.session_id is null
      or exists (select 1 from sessions s where s.id = asked.session_id and ${SESSION_STANDS}
        and (asked.family_id is not null or ${clientLets('c', 's.created_at')})))
    and (asked.family_id is null
      or exists (select 1 from refresh_families f
        where f.id = asked.family_id and f.client_id = c.id and ${familyStands('c')})) as stands
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[])
    with ordinality as asked (jti, client_id, user_id, session_id, family_id, key_id, place)
  left join clients c on c.id = asked.client_id
  order by asked.place`,
}

/** Reads and writes the standing of access tokens in PostgreSQL, one query for all of a moment. */
export function tokenStandingPostgres(database: Database, underWay?: () => number): TokenStanding {
  const read = coalesce(
    async (asked: readonly TokenBasis[]) => {
      const rows = await database.run<{ stands: boolean }>(STATEMENT, [
        asked.map(({ jti }) => jti),
        asked.map(({ clientId }) => clientId),
        asked.map(({ userId }) => userId ?? null),
        asked.map(({ sessionId }) => sessionId ?? null),
        asked.map(({ familyId }) => (familyId === undefined ? null : Buffer.from(familyId, 'base64url'))),
        asked.map(({ keyId }) => keyId ?? null),
      ])
      return rows.map(({ stands }) => stands)
    },
    { underWay },
  )

  return {
    stands: read,

    revoke: (jti, expiresAt, now, actor) =>
      database.transaction(async (transaction) => {
        const revoked = await transaction.query(
          `with forgotten as (
             delete from revoked_access_tokens where jti in (
               select jti from revoked_access_tokens where expires_at < least($3, now()) - ${KEPT_AFTER_EXPIRY}
               order by expires_at limit 2 for update skip locked)
           )
           insert into revoked_access_tokens (jti, expires_at) values ($1, $2)
           on conflict do nothing returning jti`,
          [jti, expiresAt, now],
        )
        if (revoked.length > 0)
          await recordAudit(transaction, { event: 'access_token.revoked', actor, details: { jti } })
      }),
  }
}

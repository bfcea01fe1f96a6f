import { recordAudit } from '../audit/audit-postgres.ts'
import { coalesce } from '../postgres/coalesce.ts'
import type { Database } from '../postgres/database.ts'
import type { ApiKey } from './api-key.ts'
import type { ApiKeys, PresentedApiKey } from './api-keys.ts'

interface Row {
  id: string
  prefix: string
  name: string
  user_id: string | null
  username: string | null
  scopes: string[]
  audiences: string[]
  access_token_ttl_seconds: number | null
  created_at: Date
  expires_at: Date | null
  revoked_at: Date | null
  last_used_at: Date | null
}
type PresentedRow =
  | (Row & { is_active: boolean; digest: Buffer | null; imported_hash: string | null })
  | { id: null }

const COLUMNS = `k.id, k.prefix, k.name, k.user_id, u.username, k.scopes, k.audiences, k.access_token_ttl_seconds,
  k.created_at, k.expires_at, k.revoked_at, k.last_used_at`

/** API keys in PostgreSQL. */
export function apiKeysPostgres(database: Database): ApiKeys {
  const find = coalesce(async (prefixes: readonly string[]) => {
    const rows = await database.query<PresentedRow>(
      `select ${COLUMNS}, coalesce(u.is_active, true) as is_active, k.digest, k.imported_hash
       from unnest($1::text[]) with ordinality as asked (prefix, place)
       left join api_keys k on k.prefix = asked.prefix left join users u on u.id = k.user_id
       order by asked.place`,
      [prefixes],
    )
    return rows.map(toPresented)
  })

  return {
    find,

    add: (key, event) =>
      database.transaction(async (transaction) => {
        if (key.userId !== null) {
          // Held, so that whoever ends the user's keys comes before or after.
          const users = await transaction.query(
            'select id from users where id = $1 and is_active for no key update',
            [key.userId],
          )
          if (users.length === 0) return 'unknown'
        }
        const added = await transaction.query(
          `insert into api_keys (id, prefix, digest, name, user_id, scopes, audiences, access_token_ttl_seconds, created_at,
             expires_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (prefix) do nothing returning id`,
          [
            key.id,
            key.prefix,
            key.digest,
            key.name,
            key.userId,
            key.scopes,
            key.audiences,
            key.accessTokenTtlSeconds,
            key.createdAt,
            key.expiresAt,
          ],
        )
        if (added.length === 0) return 'taken'
        await recordAudit(transaction, event)
        return 'added'
      }),

    addImported: (keys, actor) =>
      database.transaction(async (transaction) => {
        let count = 0
        for (const key of keys) {
          const added = await transaction.query(
            `insert into api_keys (id, prefix, imported_hash, name, scopes, audiences, created_at, expires_at, revoked_at)
             values ('ak_' || $1, $1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning id`,
            [
              key.prefix,
              key.importedHash,
              key.name,
              key.scopes,
              key.audiences,
              key.createdAt,
              key.expiresAt,
              key.revokedAt,
            ],
          )
          count += added.length
        }
        if (count > 0) {
          await recordAudit(transaction, { event: 'api_key.imported', actor, details: { count } })
        }
        return count
      }),

    async replaceHash(id, importedHash, digest) {
      await database.query(
        'update api_keys set digest = $3, imported_hash = null where id = $1 and imported_hash = $2',
        [id, importedHash, digest],
      )
    },

    async list({ userId }, limit, after) {
      const rows = await database.query<Row>(
        `select ${COLUMNS} from api_keys k left join users u on u.id = k.user_id
         where ($1::text is null or k.user_id = $1) and ($3::text is null or k.id > $3)
         order by k.id limit $2`,
        [userId ?? null, limit, after ?? null],
      )
      return rows.map(toApiKey)
    },

    revoke: (id, now, actor) =>
      database.transaction(async (transaction) => {
        const [ended] = await transaction.query<{ user_id: string | null }>(
          'update api_keys set revoked_at = $2 where id = $1 and revoked_at is null returning user_id',
          [id, now],
        )
        if (!ended) return false
        const userId = ended.user_id ?? undefined
        await recordAudit(transaction, {
          event: 'api_key.revoked',
          actor,
          ...(userId !== undefined && { userId }),
          details: { id },
        })
        return true
      }),
  }
}

function toPresented(row: PresentedRow): PresentedApiKey | undefined {
  if (row.id === null) return undefined
  return {
    apiKey: toApiKey(row),
    userIsActive: row.is_active,
    digest: row.digest,
    importedHash: row.imported_hash,
  }
}

function toApiKey(row: Row): ApiKey {
  return {
    id: row.id,
    prefix: row.prefix,
    name: row.name,
    user: row.user_id === null ? null : { id: row.user_id, username: row.username ?? '' },
    scopes: row.scopes,
    audiences: row.audiences,
    accessTokenTtlSeconds: row.access_token_ttl_seconds,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
}

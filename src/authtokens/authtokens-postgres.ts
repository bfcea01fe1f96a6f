import { recordAudit, recordAudits } from '../audit/audit-postgres.ts'
import { holdAudit } from '../audit/events.ts'
import { coalesce } from '../postgres/coalesce.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { withSecondLook } from '../postgres/second-look.ts'
import type { Authtoken, AuthtokenKind } from './authtoken.ts'
import type { Authtokens, PresentedAuthtoken } from './authtokens.ts'

interface Row {
  id: string
  user_id: string
  username: string
  kind: AuthtokenKind
  name: string | null
  created_at: Date
  expires_at: Date | null
  last_used_at: Date | null
}
type PresentedRow = (Row & { is_active: boolean; has_ended: boolean }) | { id: null }

const COLUMNS = `t.id, t.user_id, u.username, t.kind, t.name, t.created_at, t.expires_at, t.last_used_at`
/** Far more than a person can tell apart. */
const MOST_NAMED = 100

/** Authtokens in PostgreSQL. */
export function authtokensPostgres(database: Database): Authtokens {
  const find = coalesce(async (digests: readonly Uint8Array[]) => {
    const rows = await database.query<PresentedRow>(
      `select ${COLUMNS}, u.is_active, t.version <> u.authtoken_version as has_ended
       from unnest($1::bytea[]) with ordinality as asked (digest, place)
       left join authtokens t on t.digest = asked.digest left join users u on u.id = t.user_id
       order by asked.place`,
      [digests],
    )
    return rows.map(toPresented)
  })

  return {
    find,

    async defaultOf(userId) {
      const [row] = await database.query<{
        username: string
        is_active: boolean
        password_changed_at: Date | null
        authtoken_version: number
        key_version: number | null
      }>(
        `select u.username, u.is_active, u.password_changed_at, u.authtoken_version, t.key_version
         from users u left join authtokens t
           on t.user_id = u.id and t.kind = 'default' and t.version = u.authtoken_version
         where u.id = $1`,
        [userId],
      )
      return (
        row && {
          username: row.username,
          userIsActive: row.is_active,
          passwordChangedAt: row.password_changed_at,
          version: row.authtoken_version,
          keyVersion: row.key_version ?? undefined,
        }
      )
    },

    addDefaults: withSecondLook((tokens, actor) =>
      database.transaction(async (transaction) => {
        const added = await transaction.query<{ id: string; user_id: string }>(
          `with asked as (
             select * from unnest($1::text[], $2::text[], $3::bytea[], $4::integer[], $5::integer[], $6::timestamptz[])
               as a (id, user_id, digest, version, key_version, created_at)
           ), standing as (
             -- Held, so that whoever ends the user's authtokens comes before or after.
             select u.id, u.authtoken_version from users u join asked a on a.user_id = u.id
             where u.is_active order by u.id for share of u
           )
           insert into authtokens (id, user_id, kind, digest, version, key_version, created_at)
           select a.id, a.user_id, 'default', a.digest, a.version, a.key_version, a.created_at
           from asked a join standing s on s.id = a.user_id and s.authtoken_version = a.version
           on conflict (user_id) where kind = 'default' do update set id = excluded.id, digest = excluded.digest,
             version = excluded.version, key_version = excluded.key_version, created_at = excluded.created_at,
             last_used_at = null
           where authtokens.version < excluded.version
           returning id, user_id`,
          [
            tokens.map(({ id }) => id),
            tokens.map(({ userId }) => userId),
            tokens.map(({ digest }) => digest),
            tokens.map(({ version }) => version),
            tokens.map(({ keyVersion }) => keyVersion),
            tokens.map(({ createdAt }) => createdAt),
          ],
        )
        await recordAudits(
          transaction,
          added.map(({ id, user_id }) =>
            holdAudit({
              event: 'authtoken.created',
              actor,
              userId: user_id,
              details: { id, kind: 'default' },
            }),
          ),
        )
        return added.map(({ id }) => id)
      }),
    ),

    addNamed: (token, event) =>
      database.transaction(async (transaction) => {
        const version = await holdVersion(transaction, token.userId)
        if (version === undefined) return 'unknown'
        await transaction.query('delete from authtokens where user_id = $1 and version < $2', [
          token.userId,
          version,
        ])
        const [count] = await transaction.query<{ named: number }>(
          "select count(*)::integer as named from authtokens where user_id = $1 and kind = 'named'",
          [token.userId],
        )
        if ((count?.named ?? 0) >= MOST_NAMED) return 'too_many'
        const added = await transaction.query(
          `insert into authtokens (id, user_id, kind, name, digest, version, created_at, expires_at)
           values ($1, $2, 'named', $3, $4, $5, $6, $7)
           on conflict (user_id, name) where kind = 'named' do nothing returning id`,
          [token.id, token.userId, token.name, token.digest, version, token.createdAt, token.expiresAt],
        )
        if (added.length === 0) return 'taken'
        await recordAudit(transaction, event)
        return 'added'
      }),

    // With the first version: whatever has ended a user's authtokens here has ended those that come later, too.
    addImported: (tokens, actor) =>
      database.transaction(async (transaction) => {
        const added = await transaction.query(
          `insert into authtokens (id, user_id, kind, digest, version, created_at)
           select 'at_' || encode(substring(a.digest for 10), 'hex'), u.id, 'imported', a.digest, 1, a.created_at
           from unnest($1::text[], $2::bytea[], $3::timestamptz[]) as a (user_id, digest, created_at)
           join users u on u.id = a.user_id and u.authtoken_version = 1
           on conflict do nothing returning id`,
          [
            tokens.map(({ userId }) => userId),
            tokens.map(({ digest }) => digest),
            tokens.map(({ createdAt }) => createdAt),
          ],
        )
        if (added.length > 0) {
          const details = { count: added.length }
          await recordAudit(transaction, { event: 'authtoken.imported', actor, details })
        }
        return added.length
      }),

    async list({ userId }, limit, after) {
      const rows = await database.query<Row>(
        `select ${COLUMNS} from authtokens t join users u on u.id = t.user_id
         where t.version = u.authtoken_version and (t.kind <> 'imported' or t.expires_at is null)
           and ($1::text is null or t.user_id = $1)
           and ($3::text is null or t.id > $3)
         order by t.id limit $2`,
        [userId ?? null, limit, after ?? null],
      )
      return rows.map(toAuthtoken)
    },

    revoke: (id, actor, userId) =>
      database.transaction(async (transaction) => {
        const [token] = await transaction.query<{ user_id: string }>(
          'select user_id from authtokens where id = $1 and ($2::text is null or user_id = $2)',
          [id, userId ?? null],
        )
        if (!token) return false
        const version = await holdVersion(transaction, token.user_id)
        // One that was brought along stays, expired: it could be brought along again.
        const [expired] = await transaction.query<{ kind: AuthtokenKind }>(
          `update authtokens set expires_at = to_timestamp(0) where id = $1 and version = $2 and kind = 'imported'
           and expires_at is null returning kind`,
          [id, version],
        )
        const [removed] = await transaction.query<{ kind: AuthtokenKind }>(
          "delete from authtokens where id = $1 and version = $2 and kind <> 'imported' returning kind",
          [id, version],
        )
        const ended = expired ?? removed
        if (!ended) return false
        if (ended.kind === 'default') await moveOn(transaction, token.user_id)
        await recordAudit(transaction, {
          event: 'authtoken.revoked',
          actor,
          userId: token.user_id,
          details: { id, kind: ended.kind },
        })
        return true
      }),

    usersWithoutDefault: async (limit, after) =>
      database.query(
        `select u.id as "userId", u.username, u.authtoken_version as version from users u
         where u.is_active and ($2::text is null or u.id > $2) and not exists (
           select 1 from authtokens t
           where t.user_id = u.id and t.version = u.authtoken_version and t.kind in ('default', 'imported')
             and t.expires_at is null)
         order by u.id limit $1`,
        [limit, after ?? null],
      ),
  }
}

/** The user's present version, which stays until the transaction commits. */
async function holdVersion(transaction: Queryable, userId: string): Promise<number | undefined> {
  const [user] = await transaction.query<{ authtoken_version: number }>(
    'select authtoken_version from users where id = $1 for no key update',
    [userId],
  )
  return user?.authtoken_version
}

/** Gives the user's derived key another value, and takes the user's other keys along. */
async function moveOn(transaction: Queryable, userId: string): Promise<void> {
  await transaction.query(
    `update authtokens t set version = t.version + 1 from users u
     where u.id = $1 and t.user_id = u.id and t.version = u.authtoken_version`,
    [userId],
  )
  await transaction.query('update users set authtoken_version = authtoken_version + 1 where id = $1', [
    userId,
  ])
}

function toPresented(row: PresentedRow): PresentedAuthtoken | undefined {
  if (row.id === null) return undefined
  return { authtoken: toAuthtoken(row), userIsActive: row.is_active, hasEnded: row.has_ended }
}

function toAuthtoken(row: Row): Authtoken {
  return {
    id: row.id,
    userId: row.user_id,
    username: row.username,
    kind: row.kind,
    name: row.name,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  }
}

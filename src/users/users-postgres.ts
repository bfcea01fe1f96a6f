import { recordAudit } from '../audit/audit-postgres.ts'
import type { AuditEvent } from '../audit/events.ts'
import { useLink } from '../links/link-parts-postgres.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { endCredentialsOfUser } from '../sessions/credential-parts-postgres.ts'
import { endSessionsOfUser } from '../sessions/session-parts-postgres.ts'
import { addAllUsers } from './add-all-users-postgres.ts'
import { identifiersOf, normalizeIdentifier } from './identifier.ts'
import type { User } from './user.ts'
import type { Users } from './users.ts'

interface UserRow {
  id: string
  username: string
  email: string | null
  password_hash: string | null
  password_changed_at: Date | null
  awaits_email: boolean
  email_verified_at: Date | null
  is_active: boolean
  is_staff: boolean
  is_superuser: boolean
  joined_at: Date
  last_login_at: Date | null
  extra: Record<string, unknown>
}

const COLUMNS = `u.id, u.username, u.email, u.password_hash, u.password_changed_at, u.awaits_email, u.email_verified_at, u.is_active, u.is_staff, u.is_superuser,
  u.joined_at, u.last_login_at, u.extra`

/** Users in PostgreSQL. */
export function usersPostgres(database: Database): Users {
  /** Makes a change and writes its audit row with it; no row where nothing was there to change. */
  function change(event: AuditEvent, work: (transaction: Queryable) => Promise<object[]>): Promise<boolean> {
    return database.transaction(async (transaction) => {
      const changed = await work(transaction)
      if (changed.length > 0) await recordAudit(transaction, event)
      return changed.length > 0
    })
  }

  return {
    async add(user, event) {
      return database.transaction(async (transaction) => {
        const added = await transaction.query(
          `insert into users (id, username, email, password_hash, is_active, is_staff, is_superuser, joined_at, last_login_at, extra,
             awaits_email)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (id) do nothing returning id`,
          [
            user.id,
            user.username,
            user.email,
            user.passwordHash,
            user.isActive,
            user.isStaff,
            user.isSuperuser,
            user.joinedAt,
            user.lastLoginAt ?? null,
            JSON.stringify(user.extra),
            user.awaitsEmail ?? false,
          ],
        )
        if (added.length === 0) return false
        const wanted = identifiersOf(user).sort()
        const taken = await transaction.query(
          `insert into user_identifiers (identifier, user_id) select unnest($1::text[]), $2
           on conflict do nothing returning identifier`,
          [wanted, user.id],
        )
        if (taken.length < wanted.length) {
          await transaction.query('delete from users where id = $1', [user.id])
          return false
        }
        await recordAudit(transaction, event)
        return true
      })
    },

    addAll: (users, eventOf) => addAllUsers(database, users, eventOf),

    async findHolders(identifiers, ids) {
      const rows = await database.query<UserRow & { identifier: string }>(
        `select i.identifier, ${COLUMNS} from user_identifiers i join users u on u.id = i.user_id
         where i.identifier = any($1)`,
        [identifiers.map(normalizeIdentifier)],
      )
      const taken = await database.query<{ id: string }>('select id from users where id = any($1)', [ids])
      return {
        byIdentifier: new Map(rows.map((row) => [row.identifier, toUser(row)])),
        takenIds: new Set(taken.map(({ id }) => id)),
      }
    },

    async find(id) {
      const [row] = await database.query<UserRow>(`select ${COLUMNS} from users u where u.id = $1`, [id])
      return row && toUser(row)
    },

    async findByIdentifier(identifier) {
      const [row] = await database.query<UserRow>(
        `select ${COLUMNS} from user_identifiers i join users u on u.id = i.user_id where i.identifier = $1`,
        [normalizeIdentifier(identifier)],
      )
      return (
        row && {
          user: toUser(row),
          passwordHash: row.password_hash,
          passwordChangedAt: row.password_changed_at,
          awaitsEmail: row.awaits_email,
          emailVerifiedAt: row.email_verified_at,
        }
      )
    },

    async list(limit, after) {
      const rows = await database.query<UserRow>(
        `select ${COLUMNS} from users u where $2::text is null or u.username > $2 order by u.username limit $1`,
        [limit, after ?? null],
      )
      return rows.map(toUser)
    },

    update: (id, { username, extra = {} }, event) =>
      database.transaction(async (transaction) => {
        const [row] = await transaction.query<UserRow>(
          `select ${COLUMNS} from users u where u.id = $1 for update`,
          [id],
        )
        if (row === undefined) return undefined
        const user = { ...toUser(row), username: username ?? row.username }
        const identifier = normalizeIdentifier(user.username)
        const [holder] = await transaction.query<{ user_id: string }>(
          `with added as (insert into user_identifiers (identifier, user_id) values ($1, $2) on conflict do nothing
             returning user_id)
           select user_id from added union all select user_id from user_identifiers where identifier = $1`,
          [identifier, id],
        )
        if (holder?.user_id !== id) return 'taken'
        await transaction.query('delete from user_identifiers where user_id = $1 and identifier <> all($2)', [
          id,
          identifiersOf(user),
        ])
        const [changed] = await transaction.query<{ extra: Record<string, unknown> }>(
          'update users set username = $2, extra = extra || $3::jsonb where id = $1 returning extra',
          [id, user.username, JSON.stringify(extra)],
        )
        await recordAudit(transaction, event)
        return { ...user, extra: changed?.extra ?? row.extra }
      }),

    // The user's row first: a login under way holds it until its session is there to be ended (session-parts-postgres.ts).
    setPassword: (id, passwordHash, now, event, keptSessionId = null) =>
      change(event, async (transaction) => {
        const changed = await transaction.query(
          'update users set password_hash = $2, password_changed_at = $3 where id = $1 returning id',
          [id, passwordHash, now],
        )
        await endSessionsOfUser(transaction, id, 'password_changed', now, keptSessionId)
        await endCredentialsOfUser(transaction, id)
        return changed
      }),

    resetPassword: (link, passwordHash, now, event) =>
      change(event, async (transaction) => {
        const id = await useLink(transaction, link, now)
        if (id === undefined) return []
        await transaction.query(
          `update users set password_hash = $2, password_changed_at = $3, awaits_email = false,
             email_verified_at = coalesce(email_verified_at, $3) where id = $1`,
          [id, passwordHash, now],
        )
        await endSessionsOfUser(transaction, id, 'password_changed', now)
        await endCredentialsOfUser(transaction, id)
        return [{ id }]
      }),

    verifyEmail: (by, now, eventOf) =>
      database.transaction(async (transaction) => {
        const id = 'userId' in by ? by.userId : await useLink(transaction, by, now)
        if (id === undefined) return false
        const verified = await transaction.query(
          'update users set awaits_email = false, email_verified_at = coalesce(email_verified_at, $2) where id = $1 returning id',
          [id, now],
        )
        if (verified.length > 0) await recordAudit(transaction, eventOf(id))
        return verified.length > 0
      }),

    setActive: (id, isActive, now, event) =>
      database.transaction(async (transaction) => {
        const [user] = await transaction.query<{ is_active: boolean }>(
          'select is_active from users where id = $1 for update',
          [id],
        )
        if (user === undefined || user.is_active === isActive) return user !== undefined
        await transaction.query('update users set is_active = $2 where id = $1', [id, isActive])
        await endSessionsOfUser(transaction, id, 'user_disabled', now)
        await endCredentialsOfUser(transaction, id)
        await recordAudit(transaction, event)
        return true
      }),

    remove: (id, event) =>
      change(event, (transaction) => transaction.query('delete from users where id = $1 returning id', [id])),

    async noteLogin(id, at, rehash) {
      await database.query(
        `update users set last_login_at = $2,
           password_hash = case when password_hash = $3 then $4 else password_hash end
         where id = $1`,
        [id, at, rehash?.from ?? null, rehash?.to ?? null],
      )
    },
  }
}

function toUser(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    isActive: row.is_active,
    isStaff: row.is_staff,
    isSuperuser: row.is_superuser,
    joinedAt: row.joined_at,
    lastLoginAt: row.last_login_at,
    extra: row.extra,
  }
}

import { recordAudits } from '../audit/audit-postgres.ts'
import { type AuditEvent, holdAudit } from '../audit/events.ts'
import type { Database } from '../postgres/database.ts'
import { identifiersOf } from './identifier.ts'
import type { NewUser } from './users.ts'

/** Says that a name or an id was taken, which undoes everything. */
class Taken extends Error {}

/** Adds many users in three statements, or none of them: see Users.addAll. */
export async function addAllUsers(
  database: Database,
  users: readonly NewUser[],
  eventOf: (user: NewUser) => AuditEvent,
): Promise<boolean> {
  const names = users
    .flatMap((user) => identifiersOf(user).map((identifier) => ({ identifier, userId: user.id })))
    .sort((left, right) => (left.identifier < right.identifier ? -1 : 1)) // in one order, so that two imports do not block each other
  try {
    await database.transaction(async (transaction) => {
      const added = await transaction.query(
        `insert into users (id, username, email, password_hash, is_active, is_staff, is_superuser, joined_at, last_login_at,
           extra)
         select id, username, email, password_hash, is_active, is_staff, is_superuser, joined_at, last_login_at, extra::jsonb
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::boolean[],
           $8::timestamptz[], $9::timestamptz[], $10::text[])
           as n (id, username, email, password_hash, is_active, is_staff, is_superuser, joined_at, last_login_at, extra)
         order by id on conflict do nothing returning id`,
        [
          users.map(({ id }) => id),
          users.map(({ username }) => username),
          users.map(({ email }) => email),
          users.map(({ passwordHash }) => passwordHash),
          users.map(({ isActive }) => isActive),
          users.map(({ isStaff }) => isStaff),
          users.map(({ isSuperuser }) => isSuperuser),
          users.map(({ joinedAt }) => joinedAt),
          users.map(({ lastLoginAt }) => lastLoginAt ?? null),
          users.map(({ extra }) => JSON.stringify(extra)),
        ],
      )
      if (added.length < users.length) throw new Taken()
      const named = await transaction.query(
        `insert into user_identifiers (identifier, user_id) select * from unnest($1::text[], $2::text[])
         on conflict do nothing returning identifier`,
        [names.map(({ identifier }) => identifier), names.map(({ userId }) => userId)],
      )
      if (named.length < names.length) throw new Taken()
      await recordAudits(
        transaction,
        users.map((user) => holdAudit(eventOf(user))),
      )
    })
    return true
  } catch (error) {
    if (error instanceof Taken) return false
    throw error
  }
}

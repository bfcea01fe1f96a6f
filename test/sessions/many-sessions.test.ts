import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import { sessionsPostgres } from '../../src/sessions/sessions-postgres.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { openPostgres } from '../support/postgres.ts'
import { beginFamily, later } from '../tokens/refresh-families.contract.ts'

const MANY = 12_000

/** A user with more sessions than one statement ends. */
async function userWithMany(database: Database): Promise<string> {
  const { id, sessionId, userId } = await beginFamily(database, refreshFamiliesPostgres(database))
  await database.query(
    `insert into sessions (id, user_id, authenticated_at, created_at, remove_after, client_id)
     select 's_' || n, user_id, authenticated_at, created_at, remove_after, client_id
     from sessions, generate_series(2, $2::int) n where id = $1`,
    [sessionId, MANY],
  )
  await database.query(
    `insert into refresh_families (id, session_id, user_id, client_id, scope, audience, salt, created_at,
       absolute_expires_at, idle_expires_at, generation, predecessor, rotated_at, key_version)
     select decode(md5(n::text), 'hex'), 's_' || n, user_id, client_id, scope, audience, salt, created_at,
       absolute_expires_at, idle_expires_at, generation, predecessor, rotated_at, key_version
     from refresh_families, generate_series(2, $2::int) n where id = $1`,
    [id, MANY],
  )
  return userId
}

async function live(database: Database): Promise<[sessions: number, families: number]> {
  const [row] = await database.query<{ sessions: number; families: number }>(
    `select (select count(*)::int from sessions where ended_at is null) as sessions,
       (select count(*)::int from refresh_families where ended_at is null) as families`,
  )
  return [row?.sessions ?? -1, row?.families ?? -1]
}

describe('a user with more sessions than one statement ends', () => {
  const now = later(10)
  const ways: [string, (database: Database, userId: string) => Promise<unknown>][] = [
    [
      'signed out everywhere',
      (database, userId) =>
        sessionsPostgres(database).endOfUser(userId, { reason: 'signed_out', actor: 'operator', now }),
    ],
    [
      'disabled',
      (database, userId) =>
        usersPostgres(database).setActive(userId, false, now, { event: 'user.disabled', actor: 'operator' }),
    ],
    [
      'given another password',
      (database, userId) =>
        usersPostgres(database).setPassword(userId, 'hash', now, {
          event: 'user.password_set',
          actor: 'operator',
        }),
    ],
  ]
  for (const [way, end] of ways) {
    it(`R-45 has none left when ${way}`, async () => {
      const { database } = await openPostgres()
      const userId = await userWithMany(database)
      expect(await live(database), 'control').to.deep.equal([MANY, MANY])
      await end(database, userId)
      expect(await live(database)).to.deep.equal([0, 0])
    })
  }
})

import { addSeconds } from '../clock.ts'
import type { Database } from '../postgres/database.ts'
import { LINK_TTL_SECONDS } from './link.ts'
import { LINK_STANDS } from './link-parts-postgres.ts'
import type { Links } from './links.ts'

/**
 * Live ones a user may have for one purpose. Whoever asks more often has mail already, and a stranger who asks in somebody's
 * name fills no mailbox.
 */
const MOST_LIVE = 3

/** Links in PostgreSQL. Each new one removes up to ten that are past their time, so that no janitor is needed. */
export function linksPostgres(database: Database): Links {
  return {
    async add({ purpose, digest, userId, email }, now) {
      const added = await database.query(
        `with removed as (
           delete from links where digest in (
             select digest from links where expires_at < $5 order by expires_at limit 10 for update skip locked)
         )
         insert into links (digest, purpose, user_id, email, password_changed_at, created_at, expires_at)
         select $1, $2, u.id, u.email, u.password_changed_at, $5, $6 from users u
         where u.id = $3 and u.email = $4 and u.is_active and ${MOST_LIVE} > (
           select count(*) from links l where l.user_id = u.id and l.purpose = $2 and l.expires_at > $5)
         returning digest`,
        [digest, purpose, userId, email, now, addSeconds(now, LINK_TTL_SECONDS)],
      )
      return added.length > 0
    },

    async find({ purpose, digest }, now) {
      const [found] = await database.query<{ user_id: string }>(
        `select l.user_id from links l, users u where ${LINK_STANDS}`,
        [digest, purpose, now],
      )
      return found && { userId: found.user_id }
    },

    async remove(digest) {
      await database.query('delete from links where digest = $1', [digest])
    },
  }
}

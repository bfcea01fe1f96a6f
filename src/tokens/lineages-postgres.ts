import type { Database } from '../postgres/database.ts'
import type { FamilyLineage, Lineages, LoggedEvent } from './explanation.ts'

const EVENTS = 50

/** What PostgreSQL has of sessions, for `keyturn explain`. */
export function lineagesPostgres(database: Database): Lineages {
  return {
    async familiesOf(sessionId) {
      const rows = await database.query<Omit<FamilyLineage, 'id'> & { id: Buffer }>(
        `select id, client_id as "clientId", created_at as "createdAt", generation, predecessor,
           rotated_at as "rotatedAt", late_used as "lateUsed", idle_expires_at as "idleExpiresAt",
           absolute_expires_at as "absoluteExpiresAt", ended_at as "endedAt", end_reason as "endReason"
         from refresh_families where session_id = $1 order by created_at, id`,
        [sessionId],
      )
      return rows.map((row) => ({ ...row, id: row.id.toString('base64url') }))
    },

    async sessionOf(familyId) {
      const [row] = await database.query<{ session_id: string }>(
        'select session_id from refresh_families where id = $1',
        [familyId],
      )
      return row?.session_id
    },

    async eventsOf({ id, userId }) {
      const rows = await database.query<LoggedEvent>(
        `select at, event, actor, address, request_id as "requestId", details from audit_events
         where user_id = $1 and details ->> 'session' = $2 order by id desc limit ${EVENTS}`,
        [userId, id],
      )
      return rows.reverse()
    },
  }
}

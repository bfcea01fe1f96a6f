import type { Queryable } from '../postgres/database.ts'
import { currentRequest, type RequestContext } from '../telemetry/request-context.ts'
import type { AuditEvent } from './events.ts'

/** How long a row is kept. Each insert removes up to two older ones, so the table cannot outgrow this. */
const RETENTION = '400 days'

/**
 * Writes one audit row. Called inside the transaction of the change it describes, by the store that makes the change,
 * so there is neither a change without a row nor a row without a change. The time is the database's.
 * @param request where it came from; the request being served, unless the event was held
 */
export async function recordAudit(
  transaction: Queryable,
  event: AuditEvent,
  request: RequestContext | undefined = currentRequest(),
): Promise<void> {
  await transaction.query(
    `with expired as (
       delete from audit_events where id in (
         select id from audit_events where at < now() - interval '${RETENTION}' order by at limit 2)
     )
     insert into audit_events (at, event, actor, user_id, client_id, request_id, address, details)
     values (now(), $1, $2, $3, $4, $5, $6, $7)`,
    [
      event.event,
      event.actor,
      event.userId ?? null,
      event.clientId ?? null,
      request?.id ?? null,
      request?.address ?? null,
      JSON.stringify(event.details ?? {}),
    ],
  )
}

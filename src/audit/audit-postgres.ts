import type { Queryable } from '../postgres/database.ts'
import { currentRequest, type RequestContext } from '../telemetry/request-context.ts'
import type { AuditEvent, HeldAuditEvent } from './events.ts'

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
  await recordAudits(transaction, [{ event, request }])
}

/**
 * Writes many audit rows in one statement, in their order. No row is removed here: old months go as a whole
 * (audit-chain-postgres.ts).
 */
export async function recordAudits(transaction: Queryable, held: readonly HeldAuditEvent[]): Promise<void> {
  if (held.length === 0) return
  await transaction.query(
    `insert into audit_events (at, event, actor, user_id, client_id, request_id, address, details)
     select now(), event, actor, user_id, client_id, request_id, address, details::jsonb
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       with ordinality as e (event, actor, user_id, client_id, request_id, address, details, place)
     order by place`,
    [
      held.map(({ event }) => event.event),
      held.map(({ event }) => event.actor),
      held.map(({ event }) => event.userId ?? null),
      held.map(({ event }) => event.clientId ?? null),
      held.map(({ request }) => request?.id ?? null),
      held.map(({ request }) => request?.address ?? null),
      held.map(({ event }) => JSON.stringify(event.details ?? {})),
    ],
  )
}

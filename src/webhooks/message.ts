import type { LoggedRow } from '../audit/audit-log.ts'
import type { WebhookMessage } from './signature.ts'

/** An audit event as a webhook is told of it. Wire names; no row holds a secret, a token or a password. */
export function messageOf(row: LoggedRow): WebhookMessage {
  const id = `evt_${row.id}`
  const data = {
    actor: row.actor,
    user_id: row.userId,
    client_id: row.clientId,
    request_id: row.requestId,
    address: row.address,
    details: JSON.parse(row.details) as unknown,
  }
  return { id, body: JSON.stringify({ type: row.event, timestamp: `${row.at.replace(/Z?$/, '')}Z`, data }) }
}

/** What `keyturn webhooks test` sends. */
export function testMessage(id: string, now: Date): WebhookMessage {
  const body = { type: 'webhook.test', timestamp: now.toISOString(), data: {} }
  return { id: `evt_${id}`, body: JSON.stringify(body) }
}

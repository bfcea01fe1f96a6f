import { createHmac } from 'node:crypto'

/** As the Standard Webhooks specification (1.0) has them: libraries of many languages verify them. */
const SECRET_PREFIX = 'whsec_'

/**
 * The secret of a webhook: 256 bits that follow from its id, so that none is stored.
 * @param key of the version that the webhook was made with
 */
export function deriveWebhookSecret(key: Uint8Array, webhookId: string): string {
  return SECRET_PREFIX + createHmac('sha256', key).update(webhookId).digest('base64')
}

/** One event, as it is sent. */
export interface WebhookMessage {
  /** The same however often it is sent: who has seen it leaves it. */
  readonly id: string
  readonly body: string
}

/**
 * The headers of a message (Standard Webhooks §signature scheme): what is signed is id, time and body, so that none can be
 * exchanged and an old message is seen to be one.
 * @param secret `whsec_…`
 * @param now of this attempt
 */
export function signatureHeaders(
  secret: string,
  { id, body }: WebhookMessage,
  now: Date,
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const timestamp = String(Math.floor(now.getTime() / 1000))
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
}

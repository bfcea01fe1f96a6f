import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { SymmetricKeysOnDemand } from '../keys/symmetric-keys-on-demand.ts'
import { Refusal } from '../refusal.ts'
import { deliverTo } from './delivery.ts'
import { testMessage } from './message.ts'
import type { SendOutcome, SendWebhook } from './send.ts'
import { deriveWebhookSecret } from './signature.ts'
import { checkWebhook, type Webhook } from './webhook.ts'
import type { WebhookFailure, Webhooks } from './webhooks.ts'

/**
 * What an operator may do with webhooks; the command line and the administration API are two thin doors to it. Each change
 * is audited in its own transaction. All throw Refusal with what to do about it.
 */
export function webhookAdministration(parts: {
  webhooks: Webhooks
  keys: SymmetricKeysOnDemand
  send: SendWebhook
  allowsPrivate: boolean
  clock: Clock
}) {
  const { webhooks, keys, clock, allowsPrivate } = parts
  const deliver = deliverTo(parts)

  async function required(id: string): Promise<Webhook> {
    const webhook = await webhooks.find(id)
    if (webhook) return webhook
    throw new Refusal(
      'webhook_unknown',
      `there is no webhook ${JSON.stringify(id)}: see keyturn webhooks list`,
    )
  }

  return {
    /** Makes one that is told of what happens from now on. Its secret is shown this once. */
    async create(
      { url, events }: { url: string; events: readonly string[] },
      actor: string,
    ): Promise<{ id: string; secret: string }> {
      checkWebhook(url, events, allowsPrivate)
      const id = `wh_${randomBytes(10).toString('hex')}`
      const { key, version: keyVersion } = await keys.current()
      const webhook = { id, url, events: [...new Set(events)], keyVersion, createdAt: clock.now() }
      const { host } = new URL(url)
      await webhooks.add(webhook, { event: 'webhook.created', actor, details: { id, host } })
      return { id, secret: deriveWebhookSecret(key, id) }
    },

    list: (limit: number, after?: string): Promise<Webhook[]> => webhooks.list(limit, after),

    async remove(id: string, actor: string): Promise<void> {
      await required(id)
      await webhooks.remove(id, { event: 'webhook.deleted', actor, details: { id } })
    },

    /** Sends an event of the type `webhook.test`, now and once. */
    async test(id: string): Promise<SendOutcome> {
      return deliver(await required(id), testMessage(randomBytes(8).toString('hex'), clock.now()))
    },

    async failures(id: string, limit: number, after?: string): Promise<WebhookFailure[]> {
      return webhooks.failures((await required(id)).id, limit, after)
    },

    /** Has all that was given up sent again, by whichever node looks next. @returns how many */
    async retry(id: string): Promise<number> {
      return webhooks.retry((await required(id)).id, clock.now())
    },
  }
}

/** What an operator may do with webhooks. */
export type WebhookAdministration = ReturnType<typeof webhookAdministration>

import type { AuditLog, LoggedRow } from '../audit/audit-log.ts'
import { addSeconds, type Clock } from '../clock.ts'
import type { SymmetricKeysOnDemand } from '../keys/symmetric-keys-on-demand.ts'
import type { Logger } from '../telemetry/logger.ts'
import { messageOf } from './message.ts'
import type { SendOutcome, SendWebhook } from './send.ts'
import { deriveWebhookSecret, signatureHeaders, type WebhookMessage } from './signature.ts'
import { eventsOf, type Webhook } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

/** What tells webhooks of what happens. */
export interface WebhookDelivery {
  /** Looks once a second. */
  start(): void
  /** Tells what is to be told, now. Does not fail: what could not be done is logged, and tried again. */
  run(): Promise<void>
  stop(): Promise<void>
}

const PERIOD_MS = 1000
/** Webhooks at the same time: one that does not answer holds up no other. */
const AT_ONCE = 8
/** Events of one webhook, one after another, before the others have their turn. */
const EVENTS_AT_ONCE = 20
/** Longer than `EVENTS_AT_ONCE` receivers that take all the time they have. */
const LEASE_MS = 300_000
/** What is waited after each refusal; there is no try after the last. In all, a day. */
const RETRY_SECONDS = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800]
/** Spreads what was refused at once. */
const JITTER = 0.2
const STOP_PATIENCE_MS = 5000
const STOP_STEP_MS = 250

/** What it works with. */
export interface WebhookDeliveryParts {
  readonly webhooks: Webhooks
  readonly log: Pick<AuditLog, 'readAhead'>
  readonly keys: SymmetricKeysOnDemand
  readonly send: SendWebhook
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Makes it. The audit log is what waits to be told, so an event is told after it is certain, at least once, in the order of
 * the log; any number of nodes may run one, and each webhook is told by one of them.
 */
export function makeWebhookDelivery(parts: WebhookDeliveryParts): WebhookDelivery {
  const { webhooks, log, clock, logger } = parts
  const deliver = deliverTo(parts)
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isStopping = false
  let isFailing = false

  /** Whether the next event may follow. */
  async function tell(webhook: Webhook, row: LoggedRow, attempts: number): Promise<boolean> {
    const message = messageOf(row)
    const position = Number(row.position)
    const result = await deliver(webhook, message)
    const now = clock.now()
    if (result.outcome === 'delivered') {
      await webhooks.moveTo(webhook.id, position, now)
      return true
    }
    const { outcome, reason } = result
    const told = { webhook: webhook.id, event: row.event, attempts: attempts + 1, reason }
    if (outcome === 'gone') {
      logger.error(told, 'a webhook is gone, and is told nothing any more')
      const details = { id: webhook.id, reason }
      await webhooks.disable(webhook.id, now, { event: 'webhook.disabled', actor: 'keyturn', details })
      return false
    }
    const pause = RETRY_SECONDS[attempts]
    if (pause === undefined) {
      logger.error(told, 'a webhook took an event not once, and is told the next one')
      const failure = { eventId: message.id, event: row.event, body: message.body, reason }
      await webhooks.giveUp(webhook.id, position, failure, now)
      return true
    }
    logger.warn(told, 'a webhook did not take an event, and is told again')
    const dueAt = addSeconds(now, pause * (1 + Math.random() * JITTER))
    await webhooks.postpone(webhook.id, attempts + 1, dueAt, reason)
    return false
  }

  async function serve(webhook: Webhook, head: number): Promise<void> {
    const page = {
      events: eventsOf(webhook.events),
      after: webhook.position,
      until: head,
      limit: EVENTS_AT_ONCE,
    }
    const rows = await log.readAhead(page)
    let attempts = webhook.attempts
    for (const row of rows) {
      if (isStopping) return webhooks.release(webhook.id, Number(row.position) - 1)
      if (!(await tell(webhook, row, attempts))) return
      attempts = 0
    }
    // What is of no interest to it has been told, too.
    await webhooks.release(webhook.id, rows.length < EVENTS_AT_ONCE ? head : Number(rows.at(-1)?.position))
  }

  async function retryGivenUp(): Promise<number> {
    const retries = await webhooks.claimRetries(clock.now(), AT_ONCE, LEASE_MS)
    await Promise.all(
      retries.map(async (failure) => {
        const webhook = await webhooks.find(failure.webhookId)
        if (!webhook) return
        const result = await deliver(webhook, { id: failure.eventId, body: failure.body })
        const reason = result.outcome === 'delivered' ? undefined : result.reason
        await webhooks.finishRetry(failure.id, reason, clock.now())
      }),
    )
    return retries.length
  }

  async function runOnce(): Promise<void> {
    try {
      while (await webhooks.areThereAny()) {
        const claimed = await webhooks.claim(clock.now(), AT_ONCE, LEASE_MS)
        const results = await Promise.allSettled(claimed.map(({ webhook, head }) => serve(webhook, head)))
        const failure = results.find(({ status }) => status === 'rejected')
        if (failure?.status === 'rejected') throw failure.reason
        if (isStopping || (claimed.length === 0 && (await retryGivenUp()) === 0)) break
      }
      isFailing = false
    } catch (error) {
      if (!isFailing) logger.warn({ err: error }, 'webhooks are not told yet')
      isFailing = true
    }
  }

  function run(): Promise<void> {
    running ??= runOnce().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    start() {
      timer ??= setInterval(run, PERIOD_MS).unref()
    },
    run,
    async stop() {
      clearInterval(timer)
      isStopping = true
      // In steps: a timer that nobody waits for any more would keep the process.
      for (let waitedMs = 0; running && waitedMs < STOP_PATIENCE_MS; waitedMs += STOP_STEP_MS) {
        await Promise.race([running, clock.wait(STOP_STEP_MS)])
      }
    },
  }
}

/** Makes what signs a message and sends it. @throws Unavailable while the key cannot be read */
export function deliverTo({
  keys,
  send,
  clock,
}: Pick<WebhookDeliveryParts, 'keys' | 'send' | 'clock'>): (
  webhook: Pick<Webhook, 'id' | 'url' | 'keyVersion'>,
  message: WebhookMessage,
) => Promise<SendOutcome> {
  return async ({ id, url, keyVersion }, message) => {
    const secret = deriveWebhookSecret((await keys.version(keyVersion)).key, id)
    return send(url, signatureHeaders(secret, message, clock.now()), message.body)
  }
}

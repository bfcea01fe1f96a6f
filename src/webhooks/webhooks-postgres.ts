import { recordAudit } from '../audit/audit-postgres.ts'
import type { Database } from '../postgres/database.ts'
import type { Webhook } from './webhook.ts'
import type { WebhookFailure, Webhooks } from './webhooks.ts'

/** Webhooks in PostgreSQL. */
export function webhooksPostgres(database: Database): Webhooks {
  return {
    add: ({ id, url, events, keyVersion, createdAt }, event) =>
      database.transaction(async (transaction) => {
        await transaction.query(
          `insert into webhooks (id, url, events, key_version, position, due_at, created_at)
           values ($1, $2, $3, $4, coalesce((select position from audit_chain), 0), $5, $5)`,
          [id, url, events, keyVersion, createdAt],
        )
        await recordAudit(transaction, event)
      }),

    async find(id) {
      const [row] = await database.query<Row>('select * from webhooks where id = $1', [id])
      return row && toWebhook(row)
    },

    async list(limit, after) {
      const rows = await database.query<Row>(
        'select * from webhooks where $2::text is null or id > $2 order by id limit $1',
        [limit, after ?? null],
      )
      return rows.map(toWebhook)
    },

    remove: (id, event) =>
      database.transaction(async (transaction) => {
        const removed = await transaction.query('delete from webhooks where id = $1 returning id', [id])
        if (removed.length > 0) await recordAudit(transaction, event)
        return removed.length > 0
      }),

    async areThereAny() {
      const rows = await database.query('select from webhooks limit 1')
      return rows.length > 0
    },

    async claim(now, limit, leaseMs) {
      const rows = await database.query<Row & { head: string }>(
        `update webhooks set due_at = $2 where id in (
           select id from webhooks
           where due_at <= $1 and disabled_at is null and position < (select position from audit_chain)
           order by due_at limit $3 for update skip locked)
         returning *, (select position from audit_chain) as head`,
        [now, new Date(now.getTime() + leaseMs), limit],
      )
      return rows.map((row) => ({ webhook: toWebhook(row), head: Number(row.head) }))
    },

    async moveTo(id, position, deliveredAt) {
      await database.query(
        `update webhooks set position = greatest(position, $2), attempts = 0, last_error = null,
           last_delivered_at = $3 where id = $1`,
        [id, position, deliveredAt],
      )
    },

    async release(id, position) {
      await database.query(
        'update webhooks set position = greatest(position, $2), due_at = created_at where id = $1',
        [id, position],
      )
    },

    async postpone(id, attempts, dueAt, reason) {
      await database.query('update webhooks set attempts = $2, due_at = $3, last_error = $4 where id = $1', [
        id,
        attempts,
        dueAt,
        reason,
      ])
    },

    giveUp: (id, position, { eventId, event, body, reason }, now) =>
      database.transaction(async (transaction) => {
        const moved = await transaction.query(
          `update webhooks set position = greatest(position, $2), attempts = 0, last_error = $3
           where id = $1 returning id`,
          [id, position, reason],
        )
        if (moved.length === 0) return
        await transaction.query(
          `insert into webhook_failures (webhook_id, event_id, event, body, reason, failed_at)
           values ($1, $2, $3, $4, $5, $6)`,
          [id, eventId, event, body, reason, now],
        )
      }),

    disable: (id, now, event) =>
      database.transaction(async (transaction) => {
        await transaction.query(
          "update webhooks set disabled_at = $2, last_error = 'status_410' where id = $1",
          [id, now],
        )
        await recordAudit(transaction, event)
      }),

    async failures(id, limit, after) {
      const rows = await database.query<FailureRow>(
        `select * from webhook_failures where webhook_id = $1 and ($3::bigint is null or id > $3)
         order by id limit $2`,
        [id, limit, after ?? null],
      )
      return rows.map(toFailure)
    },

    async retry(id, now) {
      const rows = await database.query(
        'update webhook_failures set retry_at = $2 where webhook_id = $1 and retry_at is null returning id',
        [id, now],
      )
      return rows.length
    },

    async claimRetries(now, limit, leaseMs) {
      const rows = await database.query<FailureRow>(
        `update webhook_failures set retry_at = $2 where id in (
           select id from webhook_failures where retry_at <= $1 order by id limit $3 for update skip locked)
         returning *`,
        [now, new Date(now.getTime() + leaseMs), limit],
      )
      return rows.map(toFailure)
    },

    async finishRetry(failureId, reason, now) {
      if (reason === undefined)
        await database.query('delete from webhook_failures where id = $1', [failureId])
      else
        await database.query(
          'update webhook_failures set retry_at = null, reason = $2, failed_at = $3 where id = $1',
          [failureId, reason, now],
        )
    },
  }
}

interface Row {
  id: string
  url: string
  events: string[]
  key_version: number
  position: string
  attempts: number
  last_error: string | null
  last_delivered_at: Date | null
  created_at: Date
  disabled_at: Date | null
}

interface FailureRow {
  id: string
  webhook_id: string
  event_id: string
  event: string
  body: string
  reason: string
  failed_at: Date
}

function toWebhook(row: Row): Webhook {
  return {
    id: row.id,
    url: row.url,
    events: row.events,
    keyVersion: row.key_version,
    position: Number(row.position),
    attempts: row.attempts,
    lastError: row.last_error,
    lastDeliveredAt: row.last_delivered_at,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  }
}

function toFailure(row: FailureRow): WebhookFailure {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    eventId: row.event_id,
    event: row.event,
    body: row.body,
    reason: row.reason,
    failedAt: row.failed_at,
  }
}

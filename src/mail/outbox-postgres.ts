import { recordAudit } from '../audit/audit-postgres.ts'
import type { Database } from '../postgres/database.ts'
import { currentRequest } from '../telemetry/request-context.ts'
import type { MailPurpose } from './mail.ts'
import type { Outbox, WaitingMail } from './outbox.ts'

interface Row {
  id: string
  purpose: MailPurpose
  recipient: string
  requested_at: Date
  request_id: string | null
  address: string | null
  attempts: number
}

/** The mails that wait, in PostgreSQL. */
export function outboxPostgres(database: Database): Outbox {
  return {
    async add({ purpose, recipient, now }) {
      const request = currentRequest()
      await database.query(
        `insert into mail_outbox (purpose, recipient, requested_at, request_id, address, due_at)
         values ($1, $2, $3, $4, $5, $3) on conflict (purpose, recipient) do nothing`,
        [purpose, recipient, now, request?.id ?? null, request?.address ?? null],
      )
    },

    async claim(now, limit, leaseMs) {
      const rows = await database.query<Row>(
        `update mail_outbox set attempts = attempts + 1, due_at = $2 where id in (
           select id from mail_outbox where due_at <= $1 order by due_at limit $3 for update skip locked)
         returning id, purpose, recipient, requested_at, request_id, address, attempts`,
        [now, new Date(now.getTime() + leaseMs), limit],
      )
      return rows.map(toWaitingMail)
    },

    async postpone(id, until) {
      await database.query('update mail_outbox set due_at = $2 where id = $1', [id, until])
    },

    finish: ({ id, request }, event) =>
      database.transaction(async (transaction) => {
        await transaction.query('delete from mail_outbox where id = $1', [id])
        if (event) await recordAudit(transaction, event, request)
      }),
  }
}

function toWaitingMail(row: Row): WaitingMail {
  const { request_id: id, address } = row
  return {
    id: row.id,
    purpose: row.purpose,
    recipient: row.recipient,
    requestedAt: row.requested_at,
    attempts: row.attempts,
    request: id === null ? undefined : { id, address: address ?? '' },
  }
}

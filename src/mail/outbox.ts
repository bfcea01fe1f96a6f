import type { AuditEvent } from '../audit/events.ts'
import type { RequestContext } from '../telemetry/request-context.ts'
import type { MailPurpose } from './mail.ts'

/** A mail that somebody asked for. Whether there is anybody to write to is found out later, outside the request. */
export interface WaitingMail {
  readonly id: string
  readonly purpose: MailPurpose
  /** The normal form of what was asked for. */
  readonly recipient: string
  readonly requestedAt: Date
  /** How often it has been tried, this time included. */
  readonly attempts: number
  /** Where it was asked for. */
  readonly request: RequestContext | undefined
}

/** The mails that wait. */
export interface Outbox {
  /** Asks for a mail. One that waits already for the same recipient and purpose is enough. */
  add(mail: { purpose: MailPurpose; recipient: string; now: Date }): Promise<void>
  /** Takes some that are due, for this node alone until `leaseMs` have gone by. */
  claim(now: Date, limit: number, leaseMs: number): Promise<WaitingMail[]>
  /** Tries again later. */
  postpone(id: string, until: Date): Promise<void>
  /** Forgets it, and writes down what became of it where that concerns anybody. */
  finish(mail: WaitingMail, event: AuditEvent | undefined): Promise<void>
}

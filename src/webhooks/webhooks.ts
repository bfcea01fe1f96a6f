import type { AuditEvent } from '../audit/events.ts'
import type { Webhook } from './webhook.ts'

/** What a webhook was not told after many tries. */
export interface WebhookFailure {
  readonly id: string
  readonly webhookId: string
  readonly eventId: string
  readonly event: string
  readonly body: string
  readonly reason: string
  readonly failedAt: Date
}

/** What an operator makes. */
export type NewWebhook = Pick<Webhook, 'id' | 'url' | 'events' | 'keyVersion' | 'createdAt'>

/** What is left of an event that nobody took. */
export type GivenUp = Pick<WebhookFailure, 'eventId' | 'event' | 'body' | 'reason'>

/** All webhooks. */
export interface Webhooks {
  /** Adds one, to be told of what is chained from now on. */
  add(webhook: NewWebhook, event: AuditEvent): Promise<void>
  find(id: string): Promise<Webhook | undefined>
  /** In order of id; at most `limit`, after the id `after`. */
  list(limit: number, after?: string): Promise<Webhook[]>
  /** Removes it, with what it was not told. False when there is no such webhook. */
  remove(id: string, event: AuditEvent): Promise<boolean>
  /** Asked every second, where most deployments have none. */
  areThereAny(): Promise<boolean>
  /**
   * Takes up to `limit` webhooks that have not been told everything, for `leaseMs`: no other node takes them as long.
   * @returns them, and where the audit log's chain ends
   */
  claim(now: Date, limit: number, leaseMs: number): Promise<readonly { webhook: Webhook; head: number }[]>
  /** It has been told everything up to here. */
  moveTo(id: string, position: number, deliveredAt: Date): Promise<void>
  /** There is nothing to tell it up to here, and it may be taken again. */
  release(id: string, position: number): Promise<void>
  /** The next event was refused: not before `dueAt`. */
  postpone(id: string, attempts: number, dueAt: Date, reason: string): Promise<void>
  /** Nobody takes this event: it is kept aside, and the next one comes. */
  giveUp(id: string, position: number, failure: GivenUp, now: Date): Promise<void>
  /** It wants nothing any more. */
  disable(id: string, now: Date, event: AuditEvent): Promise<void>
  failures(id: string, limit: number, after?: string): Promise<WebhookFailure[]>
  /** Has what was given up sent again: all of a webhook. @returns how many */
  retry(id: string, now: Date): Promise<number>
  /** Takes up to `limit` of those that are to be sent again, for `leaseMs`. */
  claimRetries(now: Date, limit: number, leaseMs: number): Promise<readonly WebhookFailure[]>
  /** It has arrived after all, or (with a reason) has not again and stays given up. */
  finishRetry(failureId: string, reason: string | undefined, now: Date): Promise<void>
}

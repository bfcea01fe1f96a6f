import { currentRequest, type RequestContext } from '../telemetry/request-context.ts'

/** Every event the audit log knows. One row to add here, and the type forbids any other. */
export const AUDIT_EVENTS = [
  'user.created',
  'user.imported',
  'user.disabled',
  'user.enabled',
  'user.updated',
  'user.deleted',
  'user.password_set',
  'user.password_changed',
  'user.password_reset',
  'user.email_verified',
  'client.created',
  'client.updated',
  'client.disabled',
  'client.enabled',
  'client.secret_rotated',
  'authtoken.created',
  'authtoken.imported',
  'authtoken.revoked',
  'old_token.imported',
  'old_token.swapped',
  'api_key.created',
  'api_key.imported',
  'api_key.revoked',
  'session.begun',
  'session.ended',
  'sessions.ended',
  'family.ended',
  'family.reuse',
  'family.late_retry',
  'family.roll_forward',
  'family.future',
  'family.rebuilt',
  'family.degraded',
  'family.foreign_client',
  'family.expired',
  'family.revoked',
  'access_token.revoked',
  'signing_key.created',
  'signing_key.scheduled',
  'signing_key.revoked',
  'signing_key.imported',
  'signing_key.removed',
  'symmetric_key.created',
  'sealing_key.resealed',
  'login.refused',
  'webhook.created',
  'webhook.deleted',
  'webhook.disabled',
  'mail.sent',
  'mail.failed',
  'audit.truncated',
] as const

export type AuditEventName = (typeof AUDIT_EVENTS)[number]

/** One thing that happened. Never a secret, a token or a password in any field. */
export interface AuditEvent {
  readonly event: AuditEventName
  /**
   * Who did it: `operator` (command line), `keyturn` (the service itself), `user:<id>`, `client:<id>`, or `anonymous` where
   * nobody has proved who they are.
   */
  readonly actor: string
  readonly userId?: string
  readonly clientId?: string
  readonly details?: Readonly<Record<string, string | number | boolean | null>>
}

/** An event, and the request that it happened in: what is written later than it happened. */
export interface HeldAuditEvent {
  readonly event: AuditEvent
  readonly request: RequestContext | undefined
}

/** Holds an event of the request being served, for `recordAudit` to write later. */
export function holdAudit(event: AuditEvent): HeldAuditEvent {
  return { event, request: currentRequest() }
}

import type { AuditEvent, AuditEventName } from '../audit/events.ts'
import type { RefreshFamily, Rotation } from './refresh-families.ts'
import type { Position } from './rotation.ts'

/** The outcomes worth a row. An ordinary refresh writes none; the endings are audited where the family is ended. */
const AUDITED: Partial<Record<Rotation['outcome'], AuditEventName>> = {
  late_retry: 'family.late_retry',
  roll_forward: 'family.roll_forward',
}

/** The audit event of one rotation, or undefined where it is not worth one. */
export function rotationAudit(
  family: RefreshFamily,
  outcome: Rotation['outcome'],
  position: Position,
): AuditEvent | undefined {
  const event = AUDITED[outcome]
  if (event === undefined) return undefined
  return {
    event,
    actor: `client:${family.clientId}`,
    userId: family.userId,
    clientId: family.clientId,
    details: {
      session: family.sessionId,
      family: family.id.toString('base64url'),
      generation: position.generation,
    },
  }
}

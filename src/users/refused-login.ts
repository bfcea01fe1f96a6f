import type { AuditEvent } from '../audit/events.ts'
import { networkOf } from '../rate-limits/network.ts'
import type { LoginRefusal } from './login.ts'

/** Where a login came from, as far as that is known. */
export interface LoginOrigin {
  readonly address: string | undefined
  /** The client that asked, once it has proved who it is. */
  readonly client: string | undefined
}

/**
 * The audit event of a refused login, and what it is counted under: the user where the name is one, else the address. The
 * name that was typed is in neither: it may be a password in the wrong field.
 */
export function refusedLogin(
  reason: LoginRefusal,
  userId: string | undefined,
  { address, client }: LoginOrigin,
): { event: AuditEvent; key: string } {
  return {
    event: {
      event: 'login.refused',
      actor: client === undefined ? 'anonymous' : `client:${client}`,
      ...(userId !== undefined && { userId }),
      ...(client !== undefined && { clientId: client }),
      details: { reason },
    },
    key: userId === undefined ? `address ${networkOf(address ?? '')}` : `user ${userId}`,
  }
}

import type { Client } from '../clients/client.ts'
import type { Form } from '../oauth/form.ts'
import type { GrantType } from '../oauth/grant-types.ts'
import type { Authorization } from '../tokens/authorization.ts'
import type { PresentedRefreshToken } from './token-request.ts'

/** A token request whose client has proven who it is and may use the grant. */
export interface GrantRequest {
  readonly form: Form
  readonly client: Client
  /** What was read with the client, where the form carries a refresh token whose tag holds. */
  readonly refreshToken: PresentedRefreshToken | undefined
  readonly staleness: Staleness
}

/**
 * Whether whoever sent a request may have given up on it, and asked again elsewhere, long ago. Asked right before
 * something is used up: a refresh token that was spent meanwhile would look stolen.
 */
export interface Staleness {
  /** As far as is known. */
  isStale(): boolean
  /** After another look at the connection; for what is rare and cannot be undone. */
  isStaleAtSecondLook(): Promise<boolean>
}

/**
 * One OAuth grant. The token request runs the steps that every grant shares, always in the same order; a grant holds
 * only what is its own, so it cannot forget a shared step.
 */
export interface Grant {
  readonly type: GrantType
  /** @throws OAuthError when the request is refused, Unavailable when that cannot be told */
  authorize(request: GrantRequest): Promise<Authorization>
}

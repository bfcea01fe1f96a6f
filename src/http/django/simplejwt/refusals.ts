import type { OAuthError } from '../../../oauth/errors.ts'
import type { RefreshState } from '../../../tokens/refresh-state.ts'
import { DjangoError, notFound } from '../django-error.ts'

const CHALLENGE = { 'www-authenticate': 'Bearer realm="api"' }

/** What simplejwt (5.5 and later) says of a token that it does not take. */
export const TOKEN_DETAILS = {
  invalid: 'Token is invalid',
  expired: 'Token is expired',
  blacklisted: 'Token is blacklisted',
  wrongType: 'Token has wrong type',
} as const
export type TokenDetail = keyof typeof TOKEN_DETAILS

/** 401 for a token: `code` is what clients look at. */
export function tokenNotValid(detail: TokenDetail, reason: string): DjangoError {
  return new DjangoError(401, { detail: TOKEN_DETAILS[detail], code: 'token_not_valid' }, reason, CHALLENGE)
}

/** What becomes of the reasons that the token request has (tokens/refusal-reasons.ts); any other is `invalid`. */
const DETAILS: Readonly<Record<string, TokenDetail>> = {
  refresh_token_expired: 'expired',
  refresh_token_revoked: 'blacklisted',
  refresh_token_grant_withdrawn: 'blacklisted',
  refresh_token_reuse: 'blacklisted',
  refresh_token_future: 'blacklisted',
  refresh_token_ended: 'blacklisted',
  old_token_wrong_type: 'wrongType',
}
const CLOSED = new Set(['client_disabled', 'client_unknown', 'grant_not_allowed', 'not_first_party'])

/** A refused refresh token, by the reason that the log has. */
export function refreshRefused(reason: string): DjangoError {
  if (reason === 'refresh_token_user_disabled') {
    return new DjangoError(401, { detail: 'No active account found for the given token.' }, reason, CHALLENGE)
  }
  return tokenNotValid(DETAILS[reason] ?? 'invalid', reason)
}

/** The same of a token that was only looked at. */
export function stateRefused(state: Exclude<RefreshState, { outcome: 'live' }>): DjangoError {
  return refreshRefused(state.reason)
}

/**
 * A login that was refused: one answer for an unknown name, a wrong password and a disabled user. `code` is ours, on top
 * of what Django sends: it is what people look for.
 */
export function loginRefused(error: OAuthError): DjangoError {
  const detail = 'No active account found with the given credentials'
  return new DjangoError(401, { detail, code: 'no_active_account' }, error.reason, CHALLENGE)
}

/** Where a token request was refused because of its client: the door is closed. Anything else is undefined. */
export function doorClosed(error: OAuthError): DjangoError | undefined {
  return CLOSED.has(error.reason) ? notFound('door_closed') : undefined
}

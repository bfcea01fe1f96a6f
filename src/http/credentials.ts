import type { IncomingMessage } from 'node:http'
import { OAuthError } from '../oauth/errors.ts'
import { countOf } from './check-request.ts'

/**
 * The Authorization header, empty where there is none. Node keeps the first of several without a word; we refuse them,
 * because a proxy in front may have looked at another one.
 * @throws OAuthError `invalid_client`
 */
export function authorizationHeader(request: IncomingMessage): string {
  const { authorization } = request.headers
  if (authorization === undefined) return ''
  if (countOf('authorization', request.rawHeaders) > 1) {
    throw new OAuthError('invalid_client', 'client authentication failed', { reason: 'authorization_twice' })
  }
  return authorization
}

import type { IncomingMessage } from 'node:http'
import { OAuthError } from '../oauth/errors.ts'

/**
 * The Authorization header, empty where there is none. Node keeps the first of several without a word; we refuse them,
 * because a proxy in front may have looked at another one.
 * @throws OAuthError `invalid_client`
 */
export function authorizationHeader(request: IncomingMessage): string {
  const names = request.rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization',
  )
  if (names.length > 1) {
    throw new OAuthError('invalid_client', 'client authentication failed', { reason: 'authorization_twice' })
  }
  return request.headers.authorization ?? ''
}

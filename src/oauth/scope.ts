import { OAuthError } from './errors.ts'

/** RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`, joined by single spaces. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/
const MAX_TOKENS = 100

/** Whether `token` can be one scope token (RFC 6749 §3.3). */
export function isScopeToken(token: string): boolean {
  return SCOPE_TOKEN.test(token)
}

/**
 * Reads a `scope` parameter. Duplicates are folded; the order of first appearance stays.
 * @throws OAuthError `invalid_scope` when it does not follow the grammar of RFC 6749 §3.3.
 */
export function parseScope(value: string): string[] {
  const tokens = value.split(' ')
  if (tokens.length > MAX_TOKENS || !tokens.every(isScopeToken)) {
    throw new OAuthError('invalid_scope', 'the scope is malformed', { reason: 'scope_malformed' })
  }
  return [...new Set(tokens)]
}

/**
 * The scope a request gets: what it asks for, or all that is allowed where it asks for nothing.
 * RFC 6749 §3.3 lets a server narrow silently; we refuse instead, because a client that gets less than it asked
 * for fails later and elsewhere. Nothing is ever widened.
 * @param requested the `scope` parameter, absent where the client left it out
 * @param allowed what the client, or the grant being refreshed, may have
 * @throws OAuthError `invalid_scope`
 */
export function narrowScope(requested: string | undefined, allowed: readonly string[]): string[] {
  if (requested === undefined) return [...allowed]
  const tokens = parseScope(requested)
  if (!tokens.every((token) => allowed.includes(token))) {
    throw new OAuthError('invalid_scope', 'the scope is more than this client may have', {
      reason: 'scope_not_allowed',
    })
  }
  return tokens
}

/** A scope as it stands on the wire. */
export function printScope(tokens: readonly string[]): string {
  return tokens.join(' ')
}

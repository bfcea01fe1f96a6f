import { OAuthError } from './errors.ts'

/**
 * The audience of the access token to be issued (RFC 8707 §2, RFC 9068 §3).
 * A request names resources; each must be an absolute URI without fragment and one that is allowed. Without any, the
 * first allowed audience is taken, and where there is none, the issuer.
 * @param requested the `resource` parameters
 * @param allowed the client's audiences, or those of the grant being refreshed
 * @param issuer the fallback
 * @throws OAuthError `invalid_target`
 */
export function chooseAudience(
  requested: readonly string[],
  allowed: readonly string[],
  issuer: string,
): string[] {
  if (requested.length === 0) return [allowed[0] ?? issuer]
  for (const resource of requested) {
    if (!isResourceUri(resource) || !allowed.includes(resource)) {
      throw new OAuthError('invalid_target', 'the resource is not one this client may name', {
        reason: 'resource_not_allowed',
      })
    }
  }
  return [...new Set(requested)]
}

function isResourceUri(value: string): boolean {
  return URL.canParse(value) && !value.includes('#')
}

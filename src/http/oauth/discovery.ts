import type { Context } from 'koa'
import { AUTHENTICATION_METHODS } from '../../clients/client.ts'
import { GRANT_TYPES, TOKEN_EXCHANGE } from '../../oauth/grant-types.ts'

/** Kept as long as the key set: nothing here changes without a restart. */
const CACHE_CONTROL = 'public, max-age=300'

/**
 * Both metadata documents (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). They list what is implemented and nothing
 * else; the `password` grant is for first-party clients that know of it, and is not advertised (S-160).
 */
function metadata(issuer: string): Readonly<Record<string, unknown>> {
  return {
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    grant_types_supported: [...GRANT_TYPES.filter((type) => type !== 'password'), TOKEN_EXCHANGE],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
    introspection_endpoint_auth_methods_supported: AUTHENTICATION_METHODS.filter(
      (method) => method !== 'none',
    ),
    revocation_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}

/** GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server. */
export function discoveryEndpoint(issuer: string) {
  const body = JSON.stringify(metadata(issuer))
  return async (ctx: Context): Promise<void> => {
    ctx.set({ 'cache-control': CACHE_CONTROL, 'access-control-allow-origin': '*' })
    ctx.remove('pragma')
    ctx.type = 'application/json'
    ctx.body = body
  }
}

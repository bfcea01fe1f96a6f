import type { CsrfChecks } from '../dj-rest-auth/csrf.ts'
import type { TokenCookies } from '../dj-rest-auth/token-cookies.ts'
import type { AccessTokenPrincipal } from './access-token.ts'
import type { Authenticator } from './authenticator.ts'

/** They change nothing (RFC 9110 §9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * The access token in a cookie. A browser sends it whoever asks, so what could change something needs the proof that it was
 * our front end.
 */
export function cookieAuthenticator(
  principalOf: AccessTokenPrincipal,
  { cookies, csrf }: { readonly cookies: TokenCookies; readonly csrf: CsrfChecks },
): Authenticator {
  return {
    challenge: 'Cookie',

    async authenticate(ctx) {
      const text = cookies.readAccess(ctx)
      if (text === undefined || text === '') return null
      if (!SAFE.has(ctx.method)) await csrf.token(ctx)
      return principalOf(text)
    },
  }
}

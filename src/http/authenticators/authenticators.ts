import type { CheckApiKey } from '../../api-keys/authentication.ts'
import type { CheckAuthtoken } from '../../authtokens/authentication.ts'
import type { Login } from '../../users/login.ts'
import type { CsrfChecks } from '../dj-rest-auth/csrf.ts'
import type { TokenCookies } from '../dj-rest-auth/token-cookies.ts'
import type { IsPrivateTransport } from '../private-transport.ts'
import { type AccessTokenParts, accessTokenPrincipal } from './access-token.ts'
import { apiKeyAuthenticator } from './api-key.ts'
import type { Authenticator } from './authenticator.ts'
import { basicAuthenticator } from './basic.ts'
import { bearerAuthenticator } from './bearer.ts'
import { cookieAuthenticator } from './cookie.ts'
import { type AuthenticatorRow, type AuthenticatorSettings, authenticatorRows } from './list.ts'
import { tokenAuthenticator } from './token.ts'

/** What the authenticators ask. */
export interface AuthenticatorParts extends AccessTokenParts {
  readonly checkAuthtoken: CheckAuthtoken
  readonly checkApiKey: CheckApiKey
  readonly login: Login
  readonly isPrivate: IsPrivateTransport
  readonly cookies: TokenCookies
  readonly csrf: CsrfChecks
  readonly settings: AuthenticatorSettings
}

/** Those that are on, in the order of the list. */
export function authenticators(parts: AuthenticatorParts): Authenticator[] {
  const { settings } = parts
  const principalOf = accessTokenPrincipal(parts)
  const byScheme: Readonly<Record<AuthenticatorRow['scheme'], Authenticator>> = {
    Bearer: bearerAuthenticator(principalOf, parts.checkAuthtoken),
    Token: tokenAuthenticator(parts.checkAuthtoken),
    'Api-Key': apiKeyAuthenticator(parts.checkApiKey, settings.apiKeyHeader?.toLowerCase()),
    Basic: basicAuthenticator(parts.login, parts.isPrivate),
    Cookie: cookieAuthenticator(principalOf, parts),
  }
  return authenticatorRows(settings)
    .filter(({ isOn }) => isOn)
    .map(({ scheme }) => byScheme[scheme])
}

import type { CheckApiKey } from '../../api-keys/authentication.ts'
import type { CheckAuthtoken } from '../../authtokens/authentication.ts'
import type { AccessTokens, VerifiedAccessToken } from '../../tokens/access-token.ts'
import type { TokenStanding } from '../../tokens/token-standing.ts'
import type { Login } from '../../users/login.ts'
import type { IsPrivateTransport } from '../private-transport.ts'
import { apiKeyAuthenticator } from './api-key.ts'
import type { Authenticator } from './authenticator.ts'
import { basicAuthenticator } from './basic.ts'
import { bearerAuthenticator } from './bearer.ts'
import { type AuthenticatorRow, type AuthenticatorSettings, authenticatorRows } from './list.ts'
import { tokenAuthenticator } from './token.ts'

/** What the authenticators ask. */
export interface AuthenticatorParts {
  readonly accessTokens: AccessTokens
  readonly standing: TokenStanding
  readonly isForUs: (token: VerifiedAccessToken) => boolean
  readonly checkAuthtoken: CheckAuthtoken
  readonly checkApiKey: CheckApiKey
  readonly login: Login
  readonly isPrivate: IsPrivateTransport
  readonly settings: AuthenticatorSettings
}

/** Those that are on, in the order of the list. */
export function authenticators(parts: AuthenticatorParts): Authenticator[] {
  const { settings } = parts
  const byScheme: Readonly<Record<AuthenticatorRow['scheme'], Authenticator>> = {
    Bearer: bearerAuthenticator(parts),
    Token: tokenAuthenticator(parts.checkAuthtoken),
    'Api-Key': apiKeyAuthenticator(parts.checkApiKey, settings.apiKeyHeader?.toLowerCase()),
    Basic: basicAuthenticator(parts.login, parts.isPrivate),
  }
  return authenticatorRows(settings)
    .filter(({ isOn }) => isOn)
    .map(({ scheme }) => byScheme[scheme])
}

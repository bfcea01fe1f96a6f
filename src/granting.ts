import type { AuthenticatedClient } from './clients/authentication.ts'
import type { AuthenticateClient } from './clients/client-attempts.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Credentials } from './credentials.ts'
import { clientCredentials } from './grants/client-credentials.ts'
import { password } from './grants/password.ts'
import { refreshToken } from './grants/refresh-token.ts'
import { tokenExchange } from './grants/token-exchange.ts'
import { type AnswerTokenRequest, tokenRequest } from './grants/token-request.ts'
import { notePrincipals } from './telemetry/request-context.ts'
import type { AccessTokens } from './tokens/access-token.ts'
import type { IssueTokens } from './tokens/issuer.ts'
import type { ReadPresented } from './tokens/presented.ts'
import type { RefreshFamilies } from './tokens/refresh-families.ts'
import type { NoteRefresh } from './tokens/refresh-outcome.ts'
import type { RefreshStanding } from './tokens/refresh-standing.ts'
import type { RefreshTokens } from './tokens/refresh-token.ts'
import type { Login } from './users/login.ts'

/** What the grants are joined from. */
export interface GrantingParts {
  readonly config: Config
  readonly login: Login
  readonly credentials: Pick<Credentials, 'checkApiKey'>
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly families: RefreshFamilies
  readonly keyVersion: () => number
  readonly standing: RefreshStanding
  readonly readPresented: ReadPresented
  readonly authenticateClient: AuthenticateClient
  readonly issue: IssueTokens
  readonly clock: Clock
  readonly noteClient: (client: AuthenticatedClient) => void
  readonly noteUser: (userId: string) => void
  readonly noteRefresh: NoteRefresh
}

/** Joins every grant there is to what answers a token request. */
export function buildTokenRequest(parts: GrantingParts): AnswerTokenRequest {
  const { config, accessTokens, issue } = parts
  const { issuer } = config
  return tokenRequest({
    ...parts,
    grants: [
      clientCredentials(issuer),
      password({ ...parts, issuer }),
      refreshToken({
        ...parts,
        lifetimes: config,
        retryWindowSeconds: config.refreshRetryWindowSeconds,
        issuer,
      }),
    ],
    exchange: tokenExchange({
      checkApiKey: parts.credentials.checkApiKey,
      issue,
      requireSigner: () => accessTokens.requireSigner(null),
      issuer,
      noteKey: ({ id, user }) => notePrincipals({ client: id, ...(user && { user: user.id }) }),
    }),
    requireSigner: (client) => accessTokens.requireSigner(client.accessTokenAlg),
  })
}

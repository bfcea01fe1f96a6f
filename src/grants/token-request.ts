import { type AuthenticatedClient, parseClientCredentials } from '../clients/authentication.ts'
import type { Client } from '../clients/client.ts'
import type { AuthenticateClient } from '../clients/client-attempts.ts'
import { OAuthError } from '../oauth/errors.ts'
import type { Form } from '../oauth/form.ts'
import { isGrantType, TOKEN_EXCHANGE } from '../oauth/grant-types.ts'
import type { IssueTokens, TokenResponse } from '../tokens/issuer.ts'
import type { PresentedFamily, ReadPresented } from '../tokens/presented.ts'
import type { NoteRefresh } from '../tokens/refresh-outcome.ts'
import type { RefreshToken, RefreshTokens } from '../tokens/refresh-token.ts'
import type { Grant, Staleness } from './grant.ts'
import type { ExchangeToken } from './token-exchange.ts'

/** A refresh token whose tag holds, and what it names, if that exists. */
export interface PresentedRefreshToken {
  readonly token: RefreshToken
  readonly family: PresentedFamily | undefined
}

/** What a token request led to: the answer, and what the log and the metrics say of it. */
export interface TokenRequestResult {
  readonly response: TokenResponse
  readonly grant: Grant['type'] | typeof TOKEN_EXCHANGE
}

/** The parts a token request passes through. */
export interface TokenRequestParts {
  readonly grants: readonly Grant[]
  /** The one grant without a client: what it exchanges proves who asks. */
  readonly exchange: ExchangeToken
  readonly refreshTokens: RefreshTokens
  readonly readPresented: ReadPresented
  readonly authenticateClient: AuthenticateClient
  readonly issue: IssueTokens
  /** @throws Unavailable when nothing could be signed for that client now */
  readonly requireSigner: (client: Client) => void
  /** Told of each client that has authenticated. */
  readonly noteClient: (client: AuthenticatedClient) => void
  /** Told of the user whose refresh token is presented, be it good or not. */
  readonly noteUser: (userId: string) => void
  readonly noteRefresh: NoteRefresh
}

/** Answers a token request (RFC 6749 §3.2) that has arrived as a form and an Authorization header. */
export type AnswerTokenRequest = (
  authorization: string,
  form: Form,
  staleness: Staleness,
) => Promise<TokenRequestResult>

/**
 * The pipeline of the token endpoint. Every grant passes the same steps in the same order: grant type, refresh token's
 * tag (garbage asks no store), client credentials, one read, client authentication, permission, a key to sign with, the
 * grant itself, issue. Whatever is refused before the grant's own last step has consumed nothing: a client that is told
 * to come back later must not find its refresh token spent by then.
 */
export function tokenRequest(parts: TokenRequestParts): AnswerTokenRequest {
  const { exchange, refreshTokens, readPresented, issue, requireSigner, noteClient, noteUser, noteRefresh } =
    parts
  const grants = new Map(parts.grants.map((grant) => [grant.type, grant]))

  return async (authorization, form, staleness) => {
    const type = form.required('grant_type')
    if (type === TOKEN_EXCHANGE)
      return { response: await exchange(authorization, form), grant: TOKEN_EXCHANGE }
    const grant = grantOf(type, grants)
    const token = grant.type === 'refresh_token' ? parseRefreshToken(form) : undefined
    const credentials = parseClientCredentials(authorization, form)
    const presented = await readPresented(credentials.clientId, token?.familyId)
    const authenticated = await parts.authenticateClient(credentials, presented.client)
    const { client } = authenticated
    noteClient(authenticated)
    if (presented.family) noteUser(presented.family.user.id)
    if (!client.grants.includes(grant.type)) {
      throw new OAuthError('unauthorized_client', 'the client may not use this grant', {
        reason: 'grant_not_allowed',
      })
    }
    requireSigner(client)
    const refreshToken = token && { token, family: presented.family }
    const response = await issue(await grant.authorize({ form, client, refreshToken, staleness }))
    return { response, grant: grant.type }
  }

  function parseRefreshToken(form: Form): RefreshToken {
    const token = refreshTokens.parse(form.required('refresh_token'))
    if (token) return token
    noteRefresh({ outcome: 'unknown' })
    throw new OAuthError('invalid_grant', 'the refresh token is not valid', {
      reason: 'refresh_token_malformed',
    })
  }
}

function grantOf(type: string, grants: ReadonlyMap<string, Grant>): Grant {
  const grant = isGrantType(type) ? grants.get(type) : undefined
  if (grant) return grant
  throw new OAuthError('unsupported_grant_type', 'the grant type is not one of this server')
}

import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { OAuthError } from '../../oauth/errors.ts'
import { notePrincipals } from '../../telemetry/request-context.ts'
import type { AccessTokens } from '../../tokens/access-token.ts'
import { basisOf, type TokenStanding } from '../../tokens/token-standing.ts'

/** What a token must be allowed for its user to manage the account with it. */
const SCOPE = 'account'
/** RFC 6750 §2.1, the scheme in any case (RFC 9110 §11.1). What follows is for the verification to judge. */
const BEARER = /^bearer +(.*)$/i

/** The user whose account it is, and the session that the request was made from. */
export interface AccountHolder {
  readonly userId: string
  readonly sessionId: string
}

/** Tells whose account a request may manage. */
export type AuthenticateHolder = (ctx: Context) => Promise<AccountHolder>

/**
 * Makes the check of the account's requests: an access token in the Authorization header (RFC 6750 §2.1) that is for us
 * (its `aud` names the issuer), of a user, allowed `account`, and that nothing has ended: the record is asked each time,
 * so that whoever has signed out cannot go on with what is left of ten minutes.
 * The returned function throws OAuthError `invalid_token` or `insufficient_scope`, and Unavailable when the record cannot
 * be asked.
 */
export function authenticateHolder(parts: {
  accessTokens: AccessTokens
  standing: TokenStanding
  issuer: string
}): AuthenticateHolder {
  return async (ctx) => {
    const token = bearerToken(ctx.req)
    if (token === undefined) {
      throw new OAuthError('invalid_token', 'an access token is required', { reason: 'token_missing' })
    }
    const verified = await parts.accessTokens.verify(token)
    if (!verified) throw refused('access_token_invalid')
    const { subject: userId, username, sessionId, clientId } = verified
    if (!verified.audience.includes(parts.issuer)) throw refused('access_token_for_others')
    if (username === undefined || sessionId === undefined) throw refused('access_token_of_no_user')
    notePrincipals({ client: clientId, user: userId })
    if (!verified.scope.includes(SCOPE)) {
      throw new OAuthError('insufficient_scope', `the access token must have the scope ${SCOPE}`, {
        scope: SCOPE,
      })
    }
    if (!(await parts.standing.stands(basisOf(verified)))) {
      throw refused('access_token_ended')
    }
    return { userId, sessionId }
  }
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_token', 'the access token is not valid here', { reason })
}

/**
 * The token in the Authorization header; undefined where there is none, or another scheme's credentials. Node keeps the
 * first of several headers without a word; a proxy in front may have looked at another one.
 */
function bearerToken(request: IncomingMessage): string | undefined {
  const names = request.rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization',
  )
  if (names.length > 1) throw refused('authorization_twice')
  return BEARER.exec(request.headers.authorization ?? '')?.[1]
}

import { DJANGO_CLIENT_ID } from '../../clients/django-client.ts'
import { notePrincipals } from '../../telemetry/request-context.ts'
import type { AccessTokens, VerifiedAccessToken } from '../../tokens/access-token.ts'
import { basisOf, type TokenStanding } from '../../tokens/token-standing.ts'
import { DjangoError } from '../django/django-error.ts'
import { TOKEN_DETAILS, type TokenDetail } from '../django/simplejwt/refusals.ts'
import type { Principal } from './authenticator.ts'

/** What an access token is checked with. */
export interface AccessTokenParts {
  readonly accessTokens: AccessTokens
  readonly standing: TokenStanding
  readonly isForUs: (token: VerifiedAccessToken) => boolean
}

/**
 * Whose access token a text is. The record is asked each time: what has ended is refused at once.
 * @throws DjangoError 401 in simplejwt's words, Unavailable
 */
export type AccessTokenPrincipal = (text: string) => Promise<Principal>

/** Makes that check, for whatever carries an access token: a header or a cookie. */
export function accessTokenPrincipal(parts: AccessTokenParts): AccessTokenPrincipal {
  return async (text) => toPrincipal(await verify(text))

  async function verify(text: string): Promise<VerifiedAccessToken> {
    if (text.startsWith('rt1.')) throw refused('wrongType', 'refresh_token_as_access')
    const { token, isExpired, isBeforeRevocation } = await parts.accessTokens.read(text)
    if (!token || isBeforeRevocation) throw refused('invalid', 'access_token_invalid')
    if (!parts.isForUs(token)) throw refused('invalid', 'access_token_for_others')
    if (isExpired) throw refused('expired', 'access_token_expired')
    const basis = basisOf(token)
    const { clientId, userId } = basis
    notePrincipals({ client: clientId, ...(userId !== undefined && { user: userId }) })
    if (!(await parts.standing.stands(basis))) {
      throw refused('blacklisted', 'access_token_ended')
    }
    return token
  }
}

function toPrincipal(token: VerifiedAccessToken): Principal {
  const { subject, username, sessionId, scope, clientId } = token
  if (username === undefined) {
    const detail = 'Token contained no recognizable user identification'
    throw new DjangoError(401, { detail, code: 'token_not_valid' }, 'access_token_of_no_user')
  }
  return {
    userId: subject,
    username,
    sessionId: sessionId ?? null,
    scope,
    authtokenId: null,
    mayManageAccount: clientId === DJANGO_CLIENT_ID || scope.includes('account'),
  }
}

function refused(detail: TokenDetail, reason: string): DjangoError {
  const message = { token_class: 'AccessToken', token_type: 'access', message: TOKEN_DETAILS[detail] }
  const body = {
    detail: 'Given token not valid for any token type',
    code: 'token_not_valid',
    messages: [message],
  }
  return new DjangoError(401, body, reason)
}

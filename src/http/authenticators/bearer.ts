import type { CheckAuthtoken } from '../../authtokens/authentication.ts'
import { notePrincipals } from '../../telemetry/request-context.ts'
import type { AccessTokens, VerifiedAccessToken } from '../../tokens/access-token.ts'
import { basisOf, type TokenStanding } from '../../tokens/token-standing.ts'
import { DjangoError } from '../django/django-error.ts'
import { TOKEN_DETAILS, type TokenDetail } from '../django/simplejwt/refusals.ts'
import type { Authenticator, Principal } from './authenticator.ts'
import { wordsAfter } from './scheme.ts'
import { principalOf as principalOfAuthtoken } from './token.ts'

/** As Django REST Framework makes them, and we. */
const AUTHTOKEN = /^[0-9a-f]{40}$/

/**
 * `Authorization: Bearer` with an access token of a user that is for us, answered as simplejwt's JWTAuthentication does.
 * The record is asked each time: what has ended is refused at once. An authtoken is taken here, too: clients were told to
 * send it with this word.
 */
export function bearerAuthenticator(parts: {
  readonly accessTokens: AccessTokens
  readonly standing: TokenStanding
  readonly isForUs: (token: VerifiedAccessToken) => boolean
  readonly checkAuthtoken: CheckAuthtoken
}): Authenticator {
  return {
    challenge: 'Bearer realm="api"',

    async authenticate(ctx) {
      const words = wordsAfter('bearer', ctx)
      if (words === undefined) return null
      const [text, ...more] = words
      if (text === undefined || more.length > 0) {
        const detail = 'Authorization header must contain two space-delimited values'
        throw new DjangoError(401, { detail, code: 'bad_authorization_header' }, 'bearer_malformed')
      }
      return AUTHTOKEN.test(text)
        ? principalOfAuthtoken(text, parts.checkAuthtoken)
        : principalOf(await verify(text))
    },
  }

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

function principalOf({ subject, username, sessionId, scope }: VerifiedAccessToken): Principal {
  if (username === undefined) {
    const detail = 'Token contained no recognizable user identification'
    throw new DjangoError(401, { detail, code: 'token_not_valid' }, 'access_token_of_no_user')
  }
  return { userId: subject, username, sessionId: sessionId ?? null, scope, authtokenId: null }
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

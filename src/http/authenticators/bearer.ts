import type { CheckAuthtoken } from '../../authtokens/authentication.ts'
import { DjangoError } from '../django/django-error.ts'
import type { AccessTokenPrincipal } from './access-token.ts'
import type { Authenticator } from './authenticator.ts'
import { wordsAfter } from './scheme.ts'
import { principalOf as principalOfAuthtoken } from './token.ts'

/** As Django REST Framework makes them, and we. */
const AUTHTOKEN = /^[0-9a-f]{40}$/

/**
 * `Authorization: Bearer` with an access token of a user that is for us, answered as simplejwt's JWTAuthentication does.
 * An authtoken is taken here, too: clients were told to send it with this word.
 */
export function bearerAuthenticator(
  principalOf: AccessTokenPrincipal,
  checkAuthtoken: CheckAuthtoken,
): Authenticator {
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
      return AUTHTOKEN.test(text) ? principalOfAuthtoken(text, checkAuthtoken) : principalOf(text)
    },
  }
}

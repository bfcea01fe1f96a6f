import type { CheckAuthtoken } from '../../authtokens/authentication.ts'
import { notePrincipals } from '../../telemetry/request-context.ts'
import { DjangoError } from '../django/django-error.ts'
import type { Authenticator, Principal } from './authenticator.ts'
import { wordsAfter } from './scheme.ts'

const REFUSED: Readonly<Record<string, string>> = { user_disabled: 'User inactive or deleted.' }

/** `Authorization: Token` with an authtoken, answered as Django REST Framework's TokenAuthentication does. */
export function tokenAuthenticator(check: CheckAuthtoken): Authenticator {
  return {
    challenge: 'Token',

    async authenticate(ctx) {
      const words = wordsAfter('token', ctx)
      if (words === undefined) return null
      const [key, ...more] = words
      if (key === undefined) throw malformed('No credentials provided.')
      if (more.length > 0) throw malformed('Token string should not contain spaces.')
      if (!/^[\x21-\x7e]+$/.test(key)) throw malformed('Token string should not contain invalid characters.')
      return principalOf(key, check)
    },
  }
}

/**
 * Whose authtoken a text is.
 * @throws DjangoError 401, Unavailable
 */
export async function principalOf(key: string, check: CheckAuthtoken): Promise<Principal> {
  const checked = await check(key)
  if (checked.outcome === 'refused') {
    throw new DjangoError(401, { detail: REFUSED[checked.reason] ?? 'Invalid token.' }, checked.reason)
  }
  const { id, userId, username } = checked.authtoken
  notePrincipals({ user: userId })
  return { userId, username, sessionId: null, scope: [], authtokenId: id, mayManageAccount: true }
}

function malformed(what: string): DjangoError {
  return new DjangoError(401, { detail: `Invalid token header. ${what}` }, 'authtoken_malformed')
}

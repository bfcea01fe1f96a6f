import type { CheckApiKey } from '../../api-keys/authentication.ts'
import { notePrincipals } from '../../telemetry/request-context.ts'
import { DjangoError } from '../django/django-error.ts'
import type { Authenticator, Principal } from './authenticator.ts'
import { wordsAfter } from './scheme.ts'

/**
 * `Authorization: Api-Key` with the key of a user, or the key in a header of its own.
 * @param header its name, in lower case, where there is one
 */
export function apiKeyAuthenticator(check: CheckApiKey, header: string | undefined): Authenticator {
  return {
    challenge: 'Api-Key',

    async authenticate(ctx) {
      const own = header === undefined ? undefined : ctx.headers[header]
      if (typeof own === 'string' && own !== '') return principalOf(own)
      const words = wordsAfter('api-key', ctx)
      if (words === undefined) return null
      const [key, ...more] = words
      if (key === undefined || more.length > 0) throw refused('api_key_malformed')
      return principalOf(key)
    },
  }

  async function principalOf(key: string): Promise<Principal> {
    const checked = await check(key)
    if (checked.outcome === 'refused') throw refused(checked.reason)
    const { id, user, scopes } = checked.apiKey
    notePrincipals({ client: id, ...(user && { user: user.id }) })
    if (user) {
      return {
        userId: user.id,
        username: user.username,
        sessionId: null,
        scope: scopes,
        authtokenId: null,
        mayManageAccount: false,
      }
    }
    const detail = 'You do not have permission to perform this action.'
    throw new DjangoError(403, { detail }, 'api_key_of_nobody')
  }
}

function refused(reason: string): DjangoError {
  return new DjangoError(401, { detail: 'Invalid API key.' }, reason)
}

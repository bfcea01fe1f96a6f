import type { ShowDefaultAuthtoken } from '../../authtokens/default-authtoken.ts'
import type { Client } from '../../clients/client.ts'
import type { Login } from '../../users/login.ts'
import type { Endpoint } from '../route-table.ts'
import { type DjangoError, invalidRequest } from './django-error.ts'
import { textFields } from './fields.ts'
import { readFields } from './read-body.ts'

/** What `obtain_auth_token` is translated into. */
export interface AuthtokenParts {
  readonly login: Login
  readonly showDefaultAuthtoken: ShowDefaultAuthtoken
  /** @throws DjangoError 404 while the door is closed */
  readonly openClient: () => Promise<Client>
}

/**
 * POST /api-token-auth/ as Django REST Framework's `obtain_auth_token`: the user's own key, the same one at every login.
 * The password is taken as it is, spaces included.
 */
export function authtokenEndpoint({ login, showDefaultAuthtoken, openClient }: AuthtokenParts): Endpoint {
  return async (ctx) => {
    const { username, password } = textFields(await readFields(ctx), {
      username: {},
      password: { trim: false },
    })
    await openClient()
    const outcome = await login(username, password)
    if (outcome.outcome === 'refused') throw refused(outcome.reason)
    const { user, passwordChangedAt } = outcome
    const token = await showDefaultAuthtoken(user.id, `user:${user.id}`, { passwordChangedAt })
    if (token === undefined) throw refused('user_changed')
    ctx.body = { token }
  }
}

function refused(reason: string): DjangoError {
  return invalidRequest('Unable to log in with provided credentials.', reason)
}

import type { Context } from 'koa'
import type { ShowDefaultAuthtoken } from '../../authtokens/default-authtoken.ts'
import type { Client } from '../../clients/client.ts'
import { OAuthError } from '../../oauth/errors.ts'
import type { Login } from '../../users/login.ts'
import type { Users } from '../../users/users.ts'
import { type DjangoError, invalidRequest } from '../django/django-error.ts'
import { saysYes, textFields } from '../django/fields.ts'
import { readFields } from '../django/read-body.ts'
import { doorClosed } from '../django/simplejwt/refusals.ts'
import type { RequestTokenPair } from '../django/token-pair.ts'
import type { Endpoint } from '../route-table.ts'
import type { RestAuthMode } from './mode.ts'
import type { TokenTransport } from './token-transport.ts'
import { userDetails } from './user-details.ts'

/** What a login is translated into. */
export interface RestAuthLoginParts {
  readonly mode: RestAuthMode
  readonly login: Login
  readonly showDefaultAuthtoken: ShowDefaultAuthtoken
  readonly request: RequestTokenPair
  readonly transport: TokenTransport
  readonly users: Pick<Users, 'findByIdentifier'>
  /** @throws DjangoError 404 while the door is closed */
  readonly openClient: () => Promise<Client>
}

/** Whom a login names, and with which password. */
interface Credentials {
  readonly identifier: string
  readonly password: string
  readonly isRemembered: boolean
}

/** POST /dj-rest-auth/login/: by username or e-mail address; what it answers with is the mode's. */
export function restAuthLogin(parts: RestAuthLoginParts): Endpoint {
  const answer = answerLogin(parts)
  return async (ctx) => {
    const fields = await readFields(ctx)
    const { username, email, password } = textFields(fields, {
      username: { optional: true },
      email: { optional: true },
      password: {},
    })
    const client = await parts.openClient()
    await parts.transport.checkLogin(ctx)
    const identifier = username ?? email
    if (identifier === undefined) {
      throw invalidRequest('Must include either "username" or "email" and "password".', 'identifier_missing')
    }
    ctx.body = await answer(
      ctx,
      { identifier, password, isRemembered: saysYes(fields.get('remember_me')) },
      client,
    )
  }
}

/** What a login is answered with: the user's key, or an access and a refresh token. Throws DjangoError for a refused one. */
export function answerLogin(
  parts: RestAuthLoginParts,
): (ctx: Context, credentials: Credentials, client: Client) => Promise<object> {
  return parts.mode === 'key' ? answerWithKey(parts) : answerWithTokens(parts)
}

function answerWithKey({ login, showDefaultAuthtoken }: RestAuthLoginParts) {
  return async (_ctx: Context, { identifier, password }: Credentials) => {
    const outcome = await login(identifier, password)
    if (outcome.outcome === 'refused') throw refused(outcome.reason)
    const { user, passwordChangedAt } = outcome
    const key = await showDefaultAuthtoken(user.id, `user:${user.id}`, { passwordChangedAt })
    if (key === undefined) throw refused('user_changed')
    return { key }
  }
}

function answerWithTokens({ request, users, transport }: RestAuthLoginParts) {
  return async (
    ctx: Context,
    { identifier: username, password, isRemembered }: Credentials,
    client: Client,
  ) => {
    try {
      const tokens = await request(ctx, {
        grant_type: 'password',
        username,
        password,
        remember_me: String(isRemembered),
      })
      const found = await users.findByIdentifier(username)
      if (!found) throw refused('user_changed')
      return { ...transport.begin(ctx, tokens, client), user: userDetails(found.user) }
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      throw doorClosed(error) ?? refused(error.reason)
    }
  }
}

function refused(reason: string): DjangoError {
  // Told only to who knows the password.
  const isUnverified = reason === 'email_unverified'
  return invalidRequest(
    isUnverified ? 'E-mail is not verified.' : 'Unable to log in with provided credentials.',
    reason,
  )
}

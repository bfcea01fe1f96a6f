import type { Authtokens } from '../../authtokens/authtokens.ts'
import type { Authenticate } from '../authenticators/authenticator.ts'
import { DjangoError } from '../django/django-error.ts'
import { textFields } from '../django/fields.ts'
import { readFields } from '../django/read-body.ts'
import type { Endpoint } from '../routes.ts'
import type { RestAuthMode } from './mode.ts'

const DONE = { detail: 'Successfully logged out.' }

/** What a logout is translated into. */
export interface RestAuthLogoutParts {
  readonly mode: RestAuthMode
  readonly authenticate: Authenticate
  readonly authtokens: Pick<Authtokens, 'revoke'>
  /** Ends the session of a refresh token. @throws DjangoError where it is none, or has ended */
  readonly blacklist: (refresh: string) => Promise<void>
  /** @throws DjangoError 404 while the door is closed */
  readonly openClient: () => Promise<unknown>
}

/**
 * POST /dj-rest-auth/logout/. With tokens the refresh token comes in the body, and its session ends, access tokens
 * included; with a key, the key that signs the request ends.
 */
export function restAuthLogout(parts: RestAuthLogoutParts): Endpoint {
  const { mode, authenticate, authtokens, blacklist, openClient } = parts
  return async (ctx) => {
    const { refresh } = textFields(await readFields(ctx), { refresh: { optional: true } })
    await openClient()
    if (mode === 'key') {
      const { userId, authtokenId } = await authenticate(ctx).catch(notLoggedIn)
      if (authtokenId === null) throw notLoggedIn()
      await authtokens.revoke(authtokenId, `user:${userId}`)
    } else {
      if (refresh === undefined) {
        const detail = 'Refresh token was not included in request data.'
        throw new DjangoError(401, { detail }, 'refresh_token_missing')
      }
      await blacklist(refresh)
    }
    ctx.body = DONE
  }
}

/** Its words and its status, which is no 401 there. */
function notLoggedIn(error?: unknown): never {
  if (error !== undefined && !(error instanceof DjangoError)) throw error
  const detail = 'You should be logged in to logout. Check whether the token is passed.'
  throw new DjangoError(400, { detail }, 'not_logged_in')
}

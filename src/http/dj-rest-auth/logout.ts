import type { Authtokens } from '../../authtokens/authtokens.ts'
import type { Client } from '../../clients/client.ts'
import type { Authenticate } from '../authenticators/authenticator.ts'
import { DjangoError } from '../django/django-error.ts'
import { readFields } from '../django/read-body.ts'
import type { Endpoint } from '../route-table.ts'
import type { RestAuthMode } from './mode.ts'
import { refreshMissing, type TokenTransport } from './token-transport.ts'

const DONE = { detail: 'Successfully logged out.' }

/** What a logout is translated into. */
export interface RestAuthLogoutParts {
  readonly mode: RestAuthMode
  readonly transport: TokenTransport
  readonly authenticate: Authenticate
  readonly authtokens: Pick<Authtokens, 'revoke'>
  /** Ends the session of a refresh token. @throws DjangoError where it is none, or has ended */
  readonly blacklist: (refresh: string) => Promise<void>
  /** @throws DjangoError 404 while the door is closed */
  readonly openClient: () => Promise<Client>
}

/**
 * POST /dj-rest-auth/logout/. With tokens the session of the refresh token ends, its access tokens included; with a key,
 * the key that signs the request ends.
 */
export function restAuthLogout(parts: RestAuthLogoutParts): Endpoint {
  const { mode, transport, authenticate, authtokens, blacklist, openClient } = parts
  return async (ctx) => {
    const fields = await readFields(ctx)
    await openClient()
    if (mode === 'key') {
      const { userId, authtokenId } = await authenticate(ctx).catch(notLoggedIn)
      if (authtokenId === null) throw notLoggedIn()
      await authtokens.revoke(authtokenId, `user:${userId}`)
    } else {
      const refresh = await transport.take(ctx, fields)
      transport.forget(ctx)
      if (refresh === undefined) throw refreshMissing(transport.place)
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

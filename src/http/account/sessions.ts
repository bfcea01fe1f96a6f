import type { Context } from 'koa'
import type { Clock } from '../../clock.ts'
import { deviceLabel } from '../../sessions/device-label.ts'
import type { Session } from '../../sessions/session.ts'
import type { Sessions } from '../../sessions/sessions.ts'
import { HttpError } from '../http-error.ts'
import type { Endpoints } from '../route-table.ts'
import type { AccountHolder, AuthenticateHolder } from './bearer.ts'

/** More than anybody has devices; whoever has, turns the page. */
const PAGE = 100
/** What an id may look like; anything else is not asked for. */
const ID = /^[\w-]{1,64}$/

/** What the endpoints of an account's sessions work with. */
export interface AccountSessionsParts {
  readonly sessions: Sessions
  readonly authenticate: AuthenticateHolder
  readonly clock: Clock
}

/**
 * GET and DELETE /account/api/sessions and …/:id: a user looks at the own sessions and ends them (docs/account-api.md).
 * Another user's session is as unknown as one that never was. What is answered 204 has ended on every node.
 */
export function accountSessionsEndpoints({ sessions, authenticate, clock }: AccountSessionsParts) {
  const ending = ({ userId }: AccountHolder) => {
    return { reason: 'signed_out', actor: `user:${userId}`, now: clock.now() } as const
  }

  return {
    /** The live ones, the latest first; `next` where there are more. */
    async accountSessions(ctx) {
      const holder = await authenticate(ctx)
      const { after } = ctx.query
      if (Array.isArray(after) || (after !== undefined && !ID.test(after))) throw unknownSession()
      const filter = { userId: holder.userId, onlyLive: true }
      const found = await sessions.list(filter, { limit: PAGE + 1, after }, clock.now())
      if (!found) throw unknownSession()
      const page = found.slice(0, PAGE)
      const last = found.length > PAGE ? page.at(-1) : undefined
      ctx.body = {
        sessions: page.map((session) => described(session, holder)),
        ...(last && { next: last.id }),
      }
    },

    async accountSession(ctx) {
      const holder = await authenticate(ctx)
      const session = await sessions.find(idOf(ctx), clock.now())
      if (session?.userId !== holder.userId || session.state !== 'live') throw unknownSession()
      ctx.body = described(session, holder)
    },

    async endAccountSession(ctx) {
      const holder = await authenticate(ctx)
      const outcome = await sessions.end(idOf(ctx), ending(holder), holder.userId)
      if (outcome === 'unknown') throw unknownSession()
      ctx.status = 204
    },

    /** Everywhere, here too. A query is refused: whoever writes one means fewer than all. */
    async endAccountSessions(ctx) {
      const holder = await authenticate(ctx)
      if (ctx.querystring !== '') {
        throw new HttpError(
          400,
          'invalid_request',
          'this ends every session and takes no query: to end one, name it in the path',
        )
      }
      await sessions.endOfUser(holder.userId, ending(holder))
      ctx.status = 204
    },
  } satisfies Partial<Endpoints>
}

/** As it is written: what is percent-encoded is no id of ours. */
function idOf(ctx: Context): string {
  const id = ctx.path.slice(ctx.path.lastIndexOf('/') + 1)
  if (ID.test(id)) return id
  throw unknownSession()
}

function unknownSession(): HttpError {
  return new HttpError(404, 'session_unknown', 'you have no such session')
}

function described(session: Session, holder: AccountHolder) {
  return {
    id: session.id,
    current: session.id === holder.sessionId,
    client_id: session.clientId,
    device: deviceLabel(session.userAgent),
    address: session.address,
    signed_in_at: session.signedInAt,
    last_seen_at: session.lastSeenAt,
    authentication_methods: session.authenticationMethods,
  }
}

import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import { deviceLabel } from './device-label.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

/** A session as an operator sees it. */
export interface ListedSession extends Session {
  /** "Firefox on Windows"; null where its user agent does not tell. */
  readonly device: string | null
}

/** Which sessions an operator wants to see: a user's, by username or e-mail address, a client's, or everybody's. */
export interface ListedSessionFilter {
  readonly user?: string | undefined
  readonly client?: string | undefined
}

/**
 * What an operator may do with sessions; the command line and the administration API are two thin doors to it. Each change
 * is audited in its own transaction. All throw Refusal with what to do about it.
 */
export function sessionAdministration(parts: {
  sessions: Sessions
  /** By username or e-mail address. */
  findUserId: (name: string) => Promise<string | undefined>
  clock: Clock
}) {
  const { sessions, findUserId, clock } = parts

  async function requiredUser(name: string): Promise<string> {
    const id = await findUserId(name)
    if (id === undefined) throw unknownUser(name)
    return id
  }

  return {
    /** The latest first, those of the last days that are over among them. */
    async list(
      { user, client }: ListedSessionFilter,
      limit: number,
      after?: string,
    ): Promise<ListedSession[]> {
      const userId = user === undefined ? undefined : await requiredUser(user)
      const found = await sessions.list({ userId, clientId: client }, { limit, after }, clock.now())
      if (!found) throw unknownSession(after ?? '')
      return found.map((session) => ({ ...session, device: deviceLabel(session.userAgent) }))
    },

    /** Ends one session. @returns false where it had ended already */
    async end(id: string, actor: string): Promise<boolean> {
      const outcome = await sessions.end(id, { reason: 'ended_by_operator', actor, now: clock.now() })
      if (outcome === 'unknown') throw unknownSession(id)
      return outcome === 'ended'
    },

    /** Signs a user out everywhere. @returns how many sessions were live */
    async endOfUser(name: string, actor: string): Promise<number> {
      const ending = { reason: 'ended_by_operator', actor, now: clock.now() } as const
      const ended = await sessions.endOfUser(await requiredUser(name), ending)
      if (ended === undefined) throw unknownUser(name)
      return ended
    },

    /** Ends everything that a client has begun; it may begin anew. */
    async endOfClient(id: string, actor: string): Promise<void> {
      if (await sessions.endOfClient(id, actor)) return
      throw new Refusal(
        'client_unknown',
        `there is no client ${JSON.stringify(id)}: see keyturn clients list`,
      )
    },

    /** Ends everything that began before a moment: what a restored backup brings back to life, among it. */
    async endIssuedBefore(moment: Date, actor: string): Promise<void> {
      if (await sessions.endIssuedBefore(moment, actor)) return
      throw new Refusal(
        'time_in_future',
        `${moment.toISOString()} is yet to come by the database's clock: nobody could sign in until then`,
      )
    },
  }
}

/** What an operator may do with sessions. */
export type SessionAdministration = ReturnType<typeof sessionAdministration>

function unknownUser(name: string): Refusal {
  return new Refusal('user_unknown', `there is no user ${JSON.stringify(name)}: see keyturn users list`)
}

function unknownSession(id: string): Refusal {
  return new Refusal(
    'session_unknown',
    `there is no session ${JSON.stringify(id)} among them: see keyturn sessions list`,
  )
}

import type { EndReason, Session } from './session.ts'

/** Which sessions: a user's, a client's, or everybody's; without `onlyLive` those of the last days that are over, too. */
export interface SessionFilter {
  readonly userId?: string | undefined
  readonly clientId?: string | undefined
  readonly onlyLive?: boolean | undefined
}

/** Who ends something, and why. */
export interface Ending {
  readonly reason: EndReason
  /** As audit rows have it. */
  readonly actor: string
  readonly now: Date
}

/**
 * All sessions, to look at and to end. Beginning one is `RefreshFamilies.begin`. Whatever is ended here has ended when the
 * promise resolves: no node accepts any of its tokens, whatever is restarted or lost later, and an audit row says so.
 * All throw Unavailable when it is not certain.
 */
export interface Sessions {
  /**
   * The latest first; at most `limit`, after the session `after`.
   * @returns undefined when `after` is not one of them
   */
  list(
    filter: SessionFilter,
    page: { readonly limit: number; readonly after?: string | undefined },
    now: Date,
  ): Promise<Session[] | undefined>
  find(id: string, now: Date): Promise<Session | undefined>
  /** Ends one. With `userId`, only where it is that user's: another's is as unknown as one that never was. */
  end(id: string, ending: Ending, userId?: string): Promise<'ended' | 'already_ended' | 'unknown'>
  /** Ends all of a user. @returns how many were live (counted up to 10 000); undefined where there is no such user */
  endOfUser(userId: string, ending: Ending): Promise<number | undefined>
  /** Ends everything that a client has begun, in one row's work. False when there is no such client. */
  endOfClient(clientId: string, actor: string): Promise<boolean>
  /** Ends every session that began before a moment, in one row's work. False when that moment is yet to come. */
  endIssuedBefore(moment: Date, actor: string): Promise<boolean>
}

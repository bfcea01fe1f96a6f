import {
  openSession,
  SessionEnded,
  type TokenStore,
  type Tokens,
} from '../../examples/client-node/session.ts'
import type { Door, RegisteredClient } from './door.ts'
import type { Actor } from './history.ts'

/** A session that is kept alive by the program that docs/clients.md shows. */
export interface ClientSession {
  readonly client: RegisteredClient
  /** The refresh token that the client has kept, which is what a thief finds. */
  token(): string
  /** What it had to present before. */
  spent(): readonly string[]
  /** Refreshes once; the client tries again by itself for some time. @returns what became of it */
  refresh(): Promise<'refreshed' | 'unavailable' | 'ended'>
  isBusy(): boolean
  /** When it last wanted to refresh; on the clock of the history. */
  refreshedAt(): number
  hasEnded(): boolean
}

/** A client's minute is six seconds here, as the retry window is: its pauses between attempts shrink with it. */
const TIME_SCALE = 10
/** Now and then a client fails to keep what it was given, and is where it was before it asked. */
const SAVE_FAILS = 0.01

/**
 * Signs a user in.
 * @returns undefined when no answer or no success came of it; there is then no session to lose
 */
export async function signIn(
  door: Door,
  client: RegisteredClient,
  { username, password }: { username: string; password: string },
  actor: Actor,
): Promise<ClientSession | undefined> {
  const form = { grant_type: 'password', username, password, scope: 'read' }
  const { answer } = await door.ask({ kind: 'login', actor, client, form })
  if (!('status' in answer) || answer.successor === undefined) return undefined
  return keepSession(door, client, answer.successor, actor)
}

/** Keeps a session that has begun. */
export async function keepSession(
  door: Door,
  client: RegisteredClient,
  refreshToken: string,
  actor: Actor,
): Promise<ClientSession> {
  // The client's access token is never used here: each refresh is asked for as if an API had refused it.
  let kept: Tokens | undefined = { accessToken: 'first', refreshToken, refreshAt: 0, expiresAt: 0 }
  const spent: string[] = []
  let ended = false
  const store: TokenStore = {
    load: async () => kept,
    async save(tokens) {
      if (Math.random() < SAVE_FAILS) throw new Error('the disk is full')
      if (kept) spent.push(kept.refreshToken)
      kept = tokens
    },
    async clear() {
      ended = true
    },
  }
  const session = await openSession({
    tokenEndpoint: 'http://any/oauth/token',
    clientId: client.id,
    ...(client.secret !== undefined && { clientSecret: client.secret }),
    store,
    timeoutMs: 60_000, // the door is quicker
    fetch: door.fetchFor(client, actor),
    now: () => performance.now() * TIME_SCALE,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds / TIME_SCALE)),
  })
  let busy = false
  let refreshedAt = Number.NEGATIVE_INFINITY
  return {
    client,
    token: () => kept?.refreshToken ?? '',
    spent: () => spent,
    isBusy: () => busy,
    refreshedAt: () => refreshedAt,
    hasEnded: () => ended,
    async refresh() {
      busy = true
      try {
        await session.accessToken(kept?.accessToken)
        return 'refreshed'
      } catch (error) {
        return error instanceof SessionEnded ? 'ended' : 'unavailable'
      } finally {
        busy = false
        refreshedAt = performance.now()
      }
    },
  }
}

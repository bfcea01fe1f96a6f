import type { RegisteredClient } from './door.ts'
import { type ClientSession, signIn } from './sessions.ts'
import type { World } from './world.ts'

/** Honest people at work. */
export interface Load {
  /** Sessions that are alive and must stay so. */
  readonly sessions: readonly ClientSession[]
  /** No more requests; resolves when those in flight are done. */
  stop(): Promise<void>
}

/** Sessions that take part; a login beyond them takes the place of the oldest, which is only looked at in the end. */
const SESSIONS = 60
/** Logins at once while the first sessions are made. */
const AT_ONCE = 2

/** Signs in the first sessions and then sends requests at a fixed rate, whether or not the earlier ones are answered. */
export async function startLoad(world: World, perSecond: number): Promise<Load> {
  const { door, clients, users } = world
  const sessions: ClientSession[] = []
  const inFlight = new Set<Promise<unknown>>()
  const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T

  async function login(): Promise<void> {
    const session = await signIn(door, any(clients), any(users), 'client')
    if (session) sessions.push(session)
  }

  async function refresh(): Promise<void> {
    const session = any(sessions.slice(-SESSIONS))
    if (session && !session.isBusy() && !session.hasEnded()) await session.refresh()
  }

  async function clientCredentials(): Promise<void> {
    const client = confidential(clients)
    const form = { grant_type: 'client_credentials', scope: 'read' }
    await door.ask({ kind: 'client_credentials', actor: 'client', client, form })
  }

  async function introspect(): Promise<void> {
    const client = confidential(clients)
    const token = any(sessions.filter((session) => session.client === client))?.token()
    if (token) await door.ask({ kind: 'introspect', actor: 'client', client, form: { token } })
  }

  /** The mix of the catalogue (§5.2), but that revocations have a crew of their own. */
  function next(): Promise<void> {
    const dice = Math.random()
    if (dice < 0.8) return refresh()
    if (dice < 0.88) return login()
    return dice < 0.94 ? clientCredentials() : introspect()
  }

  const crew = Array.from({ length: AT_ONCE }, async () => {
    while (sessions.length < SESSIONS / 2) await login()
  })
  await Promise.all(crew)
  const started = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1000) * perSecond
    for (; sent < due; sent++) {
      const done = next().finally(() => inFlight.delete(done))
      inFlight.add(done)
    }
  }, 10)

  return {
    sessions,
    async stop() {
      clearInterval(timer)
      await Promise.allSettled(inFlight)
    },
  }
}

/** The one with a secret: it may introspect, and act for itself. */
function confidential(clients: readonly RegisteredClient[]): RegisteredClient {
  const found = clients.find(({ secret }) => secret !== undefined)
  if (!found) throw new Error('no confidential client is registered')
  return found
}

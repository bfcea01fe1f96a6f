import type { RegisteredClient } from './door.ts'
import { type ClientSession, keepSession, signIn } from './sessions.ts'
import type { World } from './world.ts'

/** Honest people at work. */
export interface Load {
  /** Sessions that are alive and must stay so. */
  readonly sessions: readonly ClientSession[]
  /** No more requests; resolves when those in flight are done. */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly perSecond: number
  /** How long a session rests after it was refreshed. */
  readonly pauseMs: number
}

/** The mix of the catalogue (§5.2), but that revocations and introspections of ended sessions have a crew of their own. */
const REFRESHES = 0.8
const LOGINS = 0.06
const CLIENT_CREDENTIALS = 0.07
const TICK_MS = 10
const SEEDERS = 4

/** Begins sessions, and then sends requests at a fixed rate, whether or not the earlier ones have been answered. */
export async function startLoad(world: World, { perSecond, pauseMs }: LoadOptions): Promise<Load> {
  const { door, clients, users } = world
  const sessions: ClientSession[] = []
  const inFlight = new Set<Promise<unknown>>()
  const any = <T>(list: readonly T[]): T | undefined => list[Math.floor(Math.random() * list.length)]
  let turn = 0

  async function seed(): Promise<void> {
    const { client, refreshToken } = await world.seeds.begin()
    sessions.push(await keepSession(door, client, refreshToken, 'client'))
  }

  async function login(): Promise<void> {
    const [client, user] = [any(clients), any(users)]
    const session = client && user && (await signIn(door, client, user, 'client'))
    if (session) sessions.push(session)
  }

  /** The next in turn that is at rest: each has its turn before one has it again. */
  async function refresh(): Promise<void> {
    const before = performance.now() - pauseMs
    for (let tried = 0; tried < sessions.length; tried++) {
      const session = sessions[turn++ % sessions.length]
      if (!session || session.isBusy() || session.hasEnded() || session.refreshedAt() > before) continue
      await session.refresh()
      return
    }
  }

  async function clientCredentials(): Promise<void> {
    const form = { grant_type: 'client_credentials', scope: 'read' }
    await door.ask({ kind: 'client_credentials', actor: 'client', client: confidential(clients), form })
  }

  async function introspect(): Promise<void> {
    const client = confidential(clients)
    const token = any(sessions.filter((session) => session.client === client))?.token()
    if (token) await door.ask({ kind: 'introspect', actor: 'client', client, form: { token } })
  }

  function next(): Promise<void> {
    const dice = Math.random()
    if (dice < REFRESHES) return refresh()
    if (dice < REFRESHES + LOGINS) return login()
    return dice < REFRESHES + LOGINS + CLIENT_CREDENTIALS ? clientCredentials() : introspect()
  }

  // As many as are at rest while the others are used.
  const wanted = Math.ceil((perSecond * REFRESHES * pauseMs * 1.1) / 1000)
  const seeders = Array.from({ length: SEEDERS }, async () => {
    while (sessions.length < wanted) await seed()
  })
  await Promise.all(seeders)
  const started = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1000) * perSecond
    for (; sent < due; sent++) {
      const done = next().finally(() => inFlight.delete(done))
      inFlight.add(done)
    }
  }, TICK_MS)

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

import { setTimeout as delay } from 'node:timers/promises'
import { RETRY_WINDOW_MS } from './builds.ts'
import type { Actor } from './history.ts'
import { type ClientSession, signIn } from './sessions.ts'
import type { World } from './world.ts'

/** Thieves, and people who log out. */
export interface Thieves {
  /** Sessions that somebody has ended on purpose, acknowledged. */
  ended(): readonly ClientSession[]
  /** No more; resolves when what has begun is done. */
  stop(): Promise<void>
}

/** One of them starts this often, in turn. */
const EVERY_MS = 1000
const AFTER_WINDOW_MS = RETRY_WINDOW_MS + 300
const PATIENCE_MS = 8000
const REVOKED_WITHIN_MS = 2000
const COPIES = 6

/** Starts them; each takes a session of its own, so that honest clients have nothing to do with it. */
export function startThieves(world: World): Thieves {
  const { door, clients, users } = world
  const ended: ClientSession[] = []
  const running = new Set<Promise<void>>()
  let isOver = false

  const present = async ({ client }: ClientSession, token: string, actor: Actor = 'thief') => {
    const form = { grant_type: 'refresh_token', refresh_token: token }
    return door.ask({ kind: 'refresh', actor, client, form })
  }
  const refreshed = async (session: ClientSession, times: number) => {
    const deadline = performance.now() + PATIENCE_MS
    for (let left = times; left > 0 && performance.now() < deadline; ) {
      const outcome = await session.refresh()
      if (outcome === 'ended') return
      if (outcome === 'refreshed') left--
    }
  }

  /** Has copied every token there ever was, and tries the oldest first. */
  async function stale(session: ClientSession): Promise<void> {
    await refreshed(session, 3)
    for (const token of session.spent()) await present(session, token)
    await present(session, session.token(), 'victim')
  }

  /** Has the present token and uses it at the same moment, on every node; then once more when its time is over. */
  async function racing(session: ClientSession): Promise<void> {
    await refreshed(session, 1)
    const token = session.token()
    const copies = Array.from({ length: COPIES }, () => present(session, token))
    await refreshed(session, 2)
    await Promise.all(copies)
    await present(session, token)
    await present(session, session.token(), 'victim')
  }

  /** Comes with the last spent token when its window is over. */
  async function late(session: ClientSession): Promise<void> {
    await refreshed(session, 2)
    const token = session.spent().at(-1)
    if (isOver || token === undefined) return
    await delay(AFTER_WINDOW_MS)
    await present(session, token)
    await present(session, session.token(), 'victim')
    await present(session, token)
  }

  /** Logs out while refreshing, until it is acknowledged; then nothing of the session may work. */
  async function revoking(session: ClientSession): Promise<void> {
    await refreshed(session, 2)
    // Whatever is going on by then: a failed revocation must not be acknowledged.
    await delay(Math.random() * REVOKED_WITHIN_MS)
    const form = { token: session.token() }
    const { client } = session
    const deadline = performance.now() + PATIENCE_MS
    let isDone = false
    const using = (async () => {
      while (!isDone && !session.hasEnded()) await Promise.all([session.refresh(), delay(20)])
    })()
    while (!isDone && performance.now() < deadline) {
      const { answer } = await door.ask({ kind: 'revoke', actor: 'revoker', client, form })
      isDone = 'status' in answer && answer.status === 200
      if (!isDone) await delay(100)
    }
    const isAcknowledged = isDone
    isDone = true
    await using
    if (!isAcknowledged) return
    ended.push(session)
    for (const token of [session.token(), ...session.spent().slice(-1)])
      await present(session, token, 'victim')
  }

  const crews = [stale, racing, revoking, late, revoking]
  let turn = 0
  const timer = setInterval(() => {
    const act = crews[turn % crews.length] ?? stale
    const client = clients[turn % clients.length]
    const user = users[turn % users.length]
    turn++
    if (!client || !user) return
    const done = (async () => {
      const session = await signIn(door, client, user, 'victim')
      if (session) await act(session)
    })().finally(() => running.delete(done))
    running.add(done)
  }, EVERY_MS)

  return {
    ended: () => ended,
    async stop() {
      isOver = true
      clearInterval(timer)
      await Promise.allSettled(running)
    },
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import { RETRY_WINDOW_MS } from './builds.ts'
import type { Actor } from './history.ts'
import type { ClientSession } from './sessions.ts'
import type { World } from './world.ts'

/** A little more than the window, for clocks that are read a moment later than the request was sent. */
const AFTER_WINDOW_MS = RETRY_WINDOW_MS + 300
/** At once; the nodes have two cores between them. */
const WORKERS = 8
/** Of each session so many spent tokens are tried. */
const SPENT_TRIED = 3

/**
 * When all is over: every honest client refreshes once more and must succeed; every session that was ended is tried
 * again; and when no window is open any more, spent tokens of every session are presented, before and after Redis has
 * forgotten everything. The checker judges the answers; here only what never came is a problem.
 * @param ended sessions that somebody has ended on purpose
 * @returns what is wrong, in words
 */
export async function settle(
  world: World,
  sessions: readonly ClientSession[],
  ended: readonly ClientSession[],
): Promise<string[]> {
  const problems: string[] = []
  await each(sessions, async (session) => {
    if (session.hasEnded()) return
    const outcome = await session.refresh()
    if (outcome === 'unavailable') problems.push('a client could not refresh in the end')
  })
  await each(ended, async (session) => {
    await present(world, session, session.token(), 'victim')
  })
  await delay(AFTER_WINDOW_MS)
  const all = [...sessions, ...ended]
  const half = Math.floor(all.length / 2)
  await each(all.slice(0, half), steal)
  // By now everything is in the record: that Redis forgets all of it must make no difference.
  await world.redis?.command('FLUSHALL')
  await each(ended, (session) => present(world, session, session.token(), 'victim'))
  await each(all.slice(half), steal)
  return problems

  async function steal(session: ClientSession): Promise<void> {
    // Older ones first: the predecessor alone may be granted a late retry, and not after those.
    const spent = session.spent()
    const older = spent.slice(0, -1).slice(-SPENT_TRIED)
    for (const token of older) await present(world, session, token, 'thief')
    const predecessor = spent.at(-1)
    if (predecessor && older.length > 0) await present(world, session, predecessor, 'thief')
  }
}

async function present(world: World, { client }: ClientSession, token: string, actor: Actor): Promise<void> {
  const form = { grant_type: 'refresh_token', refresh_token: token }
  await world.door.ask({ kind: 'refresh', actor, client, form })
}

async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await act(item)
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
}

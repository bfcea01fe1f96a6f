import { setTimeout as delay } from 'node:timers/promises'
import type { Toxics } from './proxy.ts'
import { type Fault, NODE_RECOVERY_MS } from './scenario.ts'
import { keepSession } from './sessions.ts'
import type { World } from './world.ts'

const ANYWHERE = { topologies: ['standalone', 'small'], recoveryMs: NODE_RECOVERY_MS } as const
const SESSIONS = 12
/** Of one token, on all nodes; with its owner that is a crowd on each of so many families. */
const COPIES = 5
/** Until then all copies have begun, so that none is taken for a thief's that comes after its owner's next step. */
const ALL_BEGUN_MS = 200
/** Longer than what an anchor that is under way could explain. */
const AFTER_LAG_MS = 400

/** What clients and those between them and the nodes do. */
export const CLIENT_FAULTS: readonly Fault[] = [
  {
    ...{ id: 'R-01', title: 'many present the same token at the same moment', ...ANYWHERE },
    holdMs: { ci: 0, nightly: 0 },
    async inject(world) {
      await Promise.all(Array.from({ length: SESSIONS }, () => crowd(world)))
    },
  },
  onLinks('R-02', 'a third of the answers is lost', { lostAnswers: 0.3 }),
  onLinks('R-21', 'reset after 2000 bytes of answers', { cutAfterBytes: 2000 }),
  { ...onLinks('R-21', 'no answer passes', { holdsAnswers: true }), nightlyOnly: true },
  { ...onLinks('R-21', 'nothing passes', { isBlackHole: true }), nightlyOnly: true },
]

/** They race with the owner, who goes on meanwhile; when all have been answered, the token must be spent. */
async function crowd(world: World): Promise<void> {
  const { door, seeds } = world
  const { client, refreshToken } = await seeds.begin()
  const session = await keepSession(door, client, refreshToken, 'victim')
  await session.refresh()
  const token = session.token()
  const present = () => {
    const form = { grant_type: 'refresh_token', refresh_token: token }
    return door.ask({ kind: 'refresh', actor: 'thief', client, form })
  }
  const copies = Array.from({ length: COPIES }, present)
  await session.refresh()
  await delay(ALL_BEGUN_MS)
  await session.refresh()
  await Promise.all(copies)
  await delay(AFTER_LAG_MS)
  await present()
}

/** Something is wrong on the way between clients and the nodes. */
function onLinks(id: string, title: string, toxics: Toxics): Fault {
  return {
    ...{ id, title: `to the nodes: ${title}`, ...ANYWHERE },
    inject({ nodes }) {
      for (const { link } of nodes) link.set(toxics)
    },
    heal({ nodes }) {
      for (const { link } of nodes) link.heal()
    },
  }
}

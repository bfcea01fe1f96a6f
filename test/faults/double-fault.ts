import { setTimeout as delay } from 'node:timers/promises'
import { RETRY_WINDOW_MS } from './builds.ts'
import { type Operation, readToken, succeeded } from './history.ts'
import type { Node } from './nodes.ts'
import { type Fault, NODE_RECOVERY_MS } from './scenario.ts'
import { type ClientSession, signIn } from './sessions.ts'
import type { World } from './world.ts'

const AFTER_WINDOW_MS = RETRY_WINDOW_MS + 300
const PATIENCE_MS = 5000

/**
 * The known limit (docs/adr/0003-refresh-families.md): a node dies between a rotation and its anchor, and later Redis
 * loses everything. Then nobody knows of that rotation but its two tokens: the spent one gets one answer, and at its
 * second use, or at that of what it had given, the session ends.
 */
export const DOUBLE_FAULT: Fault = {
  ...{ id: 'R-32', title: 'a node dies before its anchor, Redis is lost later' },
  ...{ topologies: ['standalone'], recoveryMs: NODE_RECOVERY_MS, holdMs: { ci: 0, nightly: 0 } },
  async inject(world) {
    const [node, other] = world.nodes
    if (!node || !other) throw new Error('this takes two nodes')
    const session = await begin(world)
    world.doubleFaults.add(readToken(session.token()).family)

    // Nobody else shall use the node that is about to die: it must be this session that it has not anchored.
    await node.terminate()
    node.link.set({ refuses: true })
    await node.start({ build: world.failpoints, failpoint: 'before the anchor' })
    const spent = session.token()
    const rotated = await present(world, session, spent, 'victim', node)
    const live = 'successor' in rotated.answer ? rotated.answer.successor : undefined
    if (live === undefined) throw new Error('the rotation that should be lost was not made')
    await dies(node)
    node.link.heal()
    await node.start()

    await delay(AFTER_WINDOW_MS)
    await world.redis?.command('FLUSHALL')
    const stolen = await present(world, session, spent, 'thief', other)
    if (!succeeded(stolen)) throw new Error('the spent token was refused: is the anchor no longer behind?')
    await present(world, session, live, 'victim', other)
    const again = await present(world, session, spent, 'thief', other)
    if (succeeded(again)) throw new Error('the spent token was taken twice')
    const end = await present(world, session, live, 'victim', other)
    if (succeeded(end)) throw new Error('the theft was not noticed')
  },
}

/** A session whose position the record knows. */
async function begin({ door, clients, users }: World): Promise<ClientSession> {
  const client = clients.find(({ latePolicy }) => latePolicy === 'revoke')
  const [user] = users
  const session = client && user && (await signIn(door, client, user, 'victim'))
  if (!session || (await session.refresh()) !== 'refreshed') throw new Error('there is no session')
  await delay(500)
  return session
}

/** Presents a token to one node, past its link, and does not try again. */
async function present(
  { door }: World,
  { client }: ClientSession,
  token: string,
  actor: 'victim' | 'thief',
  node: Node,
): Promise<Operation> {
  const form = { grant_type: 'refresh_token', refresh_token: token }
  return door.ask({ kind: 'refresh', actor, client, form, origin: node.directOrigin })
}

async function dies(node: Node): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (node.isRunning()) {
    if (performance.now() > deadline) throw new Error('the node has outlived its failpoint')
    await delay(20)
  }
}

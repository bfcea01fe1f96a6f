import { setTimeout as delay } from 'node:timers/promises'
import { DOUBLE_FAULT } from './double-fault.ts'
import { FAILPOINT_HEADER, type Failpoint } from './failpoints.ts'
import type { Node } from './nodes.ts'
import { type Fault, NODE_RECOVERY_MS } from './scenario.ts'
import type { World } from './world.ts'

const topologies = ['standalone', 'small'] as const
const recoveryMs = NODE_RECOVERY_MS
/** With both nodes under load, one of them meets its failpoint within a few requests. */
const DEATH_PATIENCE_MS = 5000
const KILL_EVERY_MS = 1500

/** A node is told to kill itself at a certain point of its work, and is started again as it was. */
function killedAt(failpoint: Failpoint, more: Partial<Fault> = {}): Fault {
  return {
    id: 'F-102',
    title: `a node is killed ${failpoint}`,
    ...{ topologies, recoveryMs },
    holdMs: { ci: 100, nightly: 1000 },
    async inject(world) {
      const node = first(world)
      await node.terminate()
      await startFailing(world, failpoint)
      await dies(node)
    },
    heal: (world) => first(world).start(),
    ...more,
  }
}

/** A node whose code throws where nobody catches; it must go on. */
function throwsAt(failpoint: Failpoint, more: Partial<Fault> = {}): Fault {
  return {
    id: 'F-105',
    title: failpoint,
    ...{ topologies, recoveryMs },
    async inject(world) {
      const node = first(world)
      await node.terminate()
      await startFailing(world, failpoint)
    },
    async heal(world) {
      const node = first(world)
      if (!node.isRunning()) throw new Error('the exception ended the node')
      if (!node.output().includes('failpoint')) throw new Error('the exception was not logged')
      await node.terminate()
      await node.start()
    },
    ...more,
  }
}

/** What can happen to a node itself. */
export const NODE_FAULTS: readonly Fault[] = [
  {
    id: 'F-101',
    title: 'nodes are killed at random',
    ...{ topologies, recoveryMs },
    holdMs: { ci: 0, nightly: 0 },
    async inject({ nodes }) {
      for (const node of [...nodes, ...nodes]) {
        await node.kill()
        await node.start()
        await delay(Math.random() * KILL_EVERY_MS)
      }
    },
    nightlyOnly: true,
  },
  {
    id: 'F-101',
    title: 'a node is killed',
    ...{ topologies, recoveryMs },
    inject: (world) => first(world).kill(),
    heal: (world) => first(world).start(),
    also: ['flapping'],
  },
  killedAt('after the postgres read', { nightlyOnly: true }),
  killedAt('after lua', { topologies: ['standalone'] }),
  killedAt('before the anchor', { topologies: ['standalone'] }),
  killedAt('after signing', { nightlyOnly: true }),
  killedAt('within the answer'),
  killedAt('during the family insert', { nightlyOnly: true }),
  DOUBLE_FAULT,
  ...[1000, 5000, 30_000].map((pauseMs) => ({
    id: 'F-103',
    title: `a node stands still for ${pauseMs / 1000} s`,
    ...{ topologies, recoveryMs },
    holdMs: { ci: pauseMs, nightly: pauseMs },
    inject: (world: World) => first(world).signal('SIGSTOP'),
    heal: (world: World) => first(world).signal('SIGCONT'),
    nightlyOnly: pauseMs > 1000,
  })),
  throwsAt('exception in a handler', {
    async inject(world) {
      const node = first(world)
      await node.terminate()
      await startFailing(world, 'exception in a handler')
      for (let left = 5; left > 0; left--) await expectServerError(node)
    },
  }),
  throwsAt('stray exception in a handler', { nightlyOnly: true }),
  throwsAt('stray rejection in a handler', { nightlyOnly: true }),
  throwsAt('exception in a timer', { nightlyOnly: true }),
  throwsAt('exception in a redis callback', {
    topologies: ['standalone'],
    async inject(world) {
      const node = first(world)
      await node.terminate()
      await startFailing(world, 'exception in a redis callback')
      for (const link of world.redisLinks) link.reset()
    },
  }),
]

function first({ nodes: [node] }: World): Node {
  if (!node) throw new Error('there is no node')
  return node
}

/** Starts the first node from the build that has failpoints, with one of them armed. */
async function startFailing(world: World, failpoint: Failpoint): Promise<void> {
  await first(world).start({ build: world.failpoints, failpoint })
}

/** @throws Error when it is still alive after some time */
async function dies(node: Node): Promise<void> {
  const deadline = performance.now() + DEATH_PATIENCE_MS
  while (node.isRunning()) {
    if (performance.now() > deadline) throw new Error('the failpoint was never reached')
    await delay(20)
  }
}

/** A request that goes wrong says nothing of what went wrong. */
async function expectServerError({ directOrigin }: Node): Promise<void> {
  const answer = await fetch(`${directOrigin}/oauth/token`, {
    method: 'POST',
    headers: { [FAILPOINT_HEADER]: '1' },
    body: new URLSearchParams({ grant_type: 'password' }),
  })
  const text = await answer.text()
  const isAsPromised = answer.status === 500 && text.includes('server_error') && !text.includes('failpoint')
  if (!isAsPromised) throw new Error(`an exception in a handler was answered with ${answer.status} ${text}`)
}

import { setTimeout as delay } from 'node:timers/promises'
import type { World } from './world.ts'

const EVERY_MS = 100
const TIMEOUT_MS = 2000

/**
 * Fetches the key set from every node that runs, again and again, past the links: whatever is wrong with the stores, it
 * must be there.
 */
export function startWatch({ nodes, history }: World): { stop(): Promise<void> } {
  let isOver = false

  async function watch(node: World['nodes'][number]): Promise<void> {
    while (!isOver) {
      await delay(EVERY_MS)
      const invokedAt = performance.now()
      try {
        const url = `${node.directOrigin}/.well-known/jwks.json`
        const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
        await answer.text()
        const completedAt = performance.now()
        const about = { kind: 'jwks', actor: 'client', latePolicy: 'supersede', node: node.name } as const
        history.add({ ...about, invokedAt, completedAt, answer: { status: answer.status } })
      } catch {} // It is being killed, or stands still; that it runs at all is known elsewhere.
    }
  }

  const watching = Promise.all(nodes.map(watch))
  return {
    async stop() {
      isOver = true
      await watching
    },
  }
}

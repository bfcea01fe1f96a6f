import { setTimeout as delay } from 'node:timers/promises'
import type { World } from './world.ts'

const EVERY_MS = 800
const TIMEOUT_MS = 2000

/**
 * Fetches the key set from every node that runs, again and again, past the links: whatever is wrong with the stores, it
 * must be there.
 */
export function startWatch({ nodes, history }: World): { stop(): Promise<void> } {
  let isOver = false

  async function watch(node: World['nodes'][number]): Promise<void> {
    // Before it has read its keys for the first time it cannot publish them.
    let hasKeys = false
    while (!isOver) {
      await delay(EVERY_MS)
      const invokedAt = performance.now()
      try {
        const url = `${node.directOrigin}/.well-known/jwks.json`
        const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
        await answer.text()
        const completedAt = performance.now()
        const about = { kind: 'jwks', actor: 'client', latePolicy: 'supersede', node: node.name } as const
        hasKeys ||= answer.ok
        if (hasKeys) history.add({ ...about, invokedAt, completedAt, answer: { status: answer.status } })
      } catch (error) {
        if (error instanceof TypeError) hasKeys = false // nobody listens: it starts anew
      } // It is being killed, or stands still; that it runs at all is known elsewhere.
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

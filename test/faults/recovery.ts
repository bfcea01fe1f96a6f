import { setTimeout as delay } from 'node:timers/promises'
import { type Operation, succeeded } from './history.ts'
import type { World } from './world.ts'

/** Requests of this long a stretch have to succeed … */
const STRETCH_MS = 500
/** … so many of them. */
const SHARE = 0.99
const POLL_MS = 100
const PATIENCE_MS = 20_000

/**
 * Waits until requests succeed again and all nodes say that they are ready, with nothing to note.
 * @param healedAt when the fault ended
 * @returns how long after that it was so, milliseconds; undefined when it was not
 */
export async function awaitRecovery(world: World, healedAt: number): Promise<number | undefined> {
  let readyAt: number | undefined
  while (performance.now() < healedAt + PATIENCE_MS) {
    readyAt ??= (await notReady(world)) === undefined ? performance.now() : undefined
    const servedAt = readyAt && servingSince(world.history.operations, healedAt)
    if (readyAt && servedAt) return Math.max(readyAt, servedAt) - healedAt
    await delay(POLL_MS)
  }
  return undefined
}

/** The beginning of the first stretch after `healedAt` in which nearly all requests succeeded. */
function servingSince(operations: readonly Operation[], healedAt: number): number | undefined {
  const asked = operations.filter(
    ({ kind, actor, invokedAt }) =>
      actor === 'client' && (kind === 'refresh' || kind === 'client_credentials') && invokedAt >= healedAt,
  )
  asked.sort((a, b) => a.invokedAt - b.invokedAt)
  const lastAt = Math.max(...asked.map(({ completedAt }) => completedAt))
  // The stretch is asked[first] … asked[next - 1]; it begins right after the request before, or when all was healed.
  let next = 0
  let succeeding = 0
  for (let first = 0; first < asked.length; first++) {
    const start = first === 0 ? healedAt : (asked[first - 1]?.invokedAt ?? healedAt) + 1
    if (lastAt < start + STRETCH_MS) return undefined
    for (; next < asked.length; next++) {
      const one = asked[next]
      if (!one || one.invokedAt >= start + STRETCH_MS) break
      if (succeeded(one)) succeeding++
    }
    if (next > first && succeeding >= SHARE * (next - first)) return start
    const leaving = asked[first]
    if (leaving && succeeded(leaving)) succeeding--
  }
  return undefined
}

/** What each node says of itself: undefined where all is well. */
export async function notReady({ nodes }: World): Promise<string | undefined> {
  const reports = await Promise.all(
    nodes.map(async ({ name, directOrigin }) => {
      try {
        const answer = await fetch(`${directOrigin}/readyz`, { signal: AbortSignal.timeout(1000) })
        const { parts } = (await answer.json()) as { parts: Record<string, string> }
        const isReady = answer.ok && Object.values(parts).every((status) => status === 'ready')
        return isReady ? [] : [`${name} says ${JSON.stringify(parts)}`]
      } catch {
        return [`${name} does not answer`]
      }
    }),
  )
  return reports.flat().join(', ') || undefined
}

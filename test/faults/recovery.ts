import { setTimeout as delay } from 'node:timers/promises'
import { type Operation, succeeded } from './history.ts'
import type { World } from './world.ts'

/** Requests of this long a stretch have to succeed … */
const STRETCH_MS = 500
/** … so many of them. */
const SHARE = 0.99
const POLL_MS = 50
const PATIENCE_MS = 20_000

/**
 * Waits until requests succeed again and all nodes say that they are ready, with nothing to note.
 * @param healedAt when the fault ended
 * @returns how long after that it was so, milliseconds; undefined when it was not
 */
export async function awaitRecovery(world: World, healedAt: number): Promise<number | undefined> {
  let readyAt: number | undefined
  while (performance.now() < healedAt + PATIENCE_MS) {
    readyAt = (await areReady(world)) ? (readyAt ?? performance.now()) : undefined
    const servedAt = servingSince(world.history.operations, healedAt)
    if (readyAt !== undefined && servedAt !== undefined) return Math.max(readyAt, servedAt) - healedAt
    await delay(POLL_MS)
  }
  return undefined
}

/** The beginning of the first stretch after `healedAt` in which nearly all requests succeeded. */
export function servingSince(operations: readonly Operation[], healedAt: number): number | undefined {
  const asked = operations.filter(
    ({ kind, actor, invokedAt }) =>
      actor === 'client' && (kind === 'refresh' || kind === 'client_credentials') && invokedAt >= healedAt,
  )
  asked.sort((a, b) => a.invokedAt - b.invokedAt)
  const last = Math.max(...asked.map(({ completedAt }) => completedAt))
  for (const start of [healedAt, ...asked.filter((one) => !succeeded(one)).map((one) => one.invokedAt + 1)]) {
    const stretch = asked.filter(({ invokedAt }) => invokedAt >= start && invokedAt < start + STRETCH_MS)
    const isWhole = last >= start + STRETCH_MS && stretch.length > 0
    if (isWhole && stretch.filter(succeeded).length >= SHARE * stretch.length) return start
  }
  return undefined
}

async function areReady({ nodes }: World): Promise<boolean> {
  const reports = await Promise.all(
    nodes.map(async ({ directOrigin }) => {
      try {
        const answer = await fetch(`${directOrigin}/readyz`, { signal: AbortSignal.timeout(1000) })
        const { parts } = (await answer.json()) as { parts: Record<string, string> }
        return answer.ok && Object.values(parts).every((status) => status === 'ready')
      } catch {
        return false
      }
    }),
  )
  return reports.every(Boolean)
}

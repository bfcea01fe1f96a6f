import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Removal } from './retention.ts'

/** A removal that does not end by itself is left behind: it is one transaction, and the database undoes it. */
const STOP_MS = 1000

/**
 * Removes old months beside whatever else the node does: verifying one may take minutes, and rows are chained meanwhile.
 * One at a time; a failure is logged, and the next hour tries again.
 */
export function makeRemoving(
  removeOldest: (signal: AbortSignal) => Promise<Removal>,
  clock: Clock,
  logger: Logger,
) {
  const stopping = new AbortController()
  let running: Promise<void> | undefined

  async function remove(): Promise<void> {
    try {
      const removal = await removeOldest(stopping.signal)
      if (removal.outcome === 'removed')
        logger.info({ through: removal.through }, 'old audit rows were removed')
      if (removal.outcome === 'damaged') {
        const { findings } = removal
        logger.error({ findings }, 'old audit rows are not removed: run keyturn audit verify')
      }
    } catch (error) {
      if (!stopping.signal.aborted) logger.warn({ err: error }, 'old audit rows are not removed yet')
    }
  }

  return {
    /** Begins, unless it is at it still or was stopped. Returns at once. */
    begin(): void {
      if (stopping.signal.aborted) return
      running ??= remove().finally(() => {
        running = undefined
      })
    },
    /** Ends what is under way, for good. Does not wait for more than a second. */
    async stop(): Promise<void> {
      stopping.abort()
      if (running !== undefined) await Promise.race([running, clock.wait(STOP_MS)])
    },
  }
}

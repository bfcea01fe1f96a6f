import type { Clock } from '../clock.ts'
import type { RefreshFamilies } from './refresh-families.ts'

/** How long the end of the process waits for a database that is away; an orchestrator kills after thirty seconds. */
const FLUSH_PATIENCE_MS = 8000
const FLUSH_AGAIN_MS = 500

/** Writes what waits to be anchored; a database that restarts just now gets the time for it. */
export async function flushPatiently(families: RefreshFamilies, clock: Clock): Promise<void> {
  const deadline = clock.now().getTime() + FLUSH_PATIENCE_MS
  for (;;) {
    try {
      return await families.flush()
    } catch (error) {
      if (clock.now().getTime() >= deadline) throw error
      await clock.wait(FLUSH_AGAIN_MS)
    }
  }
}

import type { HeldAuditEvent } from '../audit/events.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { RefreshFamily } from './refresh-families.ts'
import type { Position } from './rotation.ts'

/** A rotation that Redis has made and Postgres does not know yet. */
export interface Anchor {
  readonly family: RefreshFamily
  readonly position: Position
  readonly idleExpiresAt: Date
  /** Where the rotation is worth an audit row. */
  readonly audit: HeldAuditEvent | undefined
}

/** Anchors that wait for the next batch. */
export interface AnchorQueue {
  add(anchor: Anchor): void
  /** Writes everything that waits; resolves when it is written, or rejects with the store's error. */
  flush(): Promise<void>
  /** How many families wait, and since when the oldest does (milliseconds of the time `add` was told). */
  waiting(): { families: number; since: Date | undefined }
}

/** A rotation is in Postgres within this time, as long as Postgres answers. */
const FLUSH_AFTER_MS = 100
/** After a failure: soon enough to be done before anyone notices, seldom enough not to fill the log. */
const RETRY_AFTER_MS = 1000
/** Rows in one statement. */
const BATCH = 1000

/**
 * Gathers positions and writes them in batches: rotating a family costs Postgres no transaction of its own. Of several
 * positions of one family only the furthest is kept, unless an earlier one has to be audited; what fails to be written
 * stays and is tried again.
 * @param write one batch; must never lower a position
 */
export function anchorQueue(
  write: (anchors: readonly Anchor[]) => Promise<void>,
  logger: Logger,
): AnchorQueue {
  const waiting = new Map<string, Anchor>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined

  function add(anchor: Anchor): void {
    keep(anchor)
    schedule(FLUSH_AFTER_MS)
  }

  function keep(anchor: Anchor): void {
    // An audited step is a piece of its own: the next step of its family must not push it out.
    const family = anchor.family.id.toString('latin1')
    const id = anchor.audit ? `${family} ${anchor.position.generation}` : family
    const earlier = waiting.get(id)
    if (earlier && earlier.position.generation >= anchor.position.generation) return
    waiting.set(id, anchor)
  }

  function schedule(afterMs: number): void {
    timer ??= setTimeout(() => {
      flush().catch((error) => logger.warn({ err: error, families: waiting.size }, 'anchors not written yet'))
    }, afterMs)
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing ??= writeAll().finally(() => {
      writing = undefined
    })
    return writing
  }

  async function writeAll(): Promise<void> {
    while (waiting.size > 0) {
      const batch: Anchor[] = []
      for (const [id, anchor] of waiting) {
        batch.push(anchor)
        waiting.delete(id)
        if (batch.length === BATCH) break
      }
      try {
        await write(batch)
      } catch (error) {
        for (const anchor of batch) keep(anchor)
        schedule(RETRY_AFTER_MS)
        throw error
      }
    }
  }

  return {
    add,
    flush,
    waiting() {
      let since: Date | undefined
      for (const { position } of waiting.values()) {
        if (since === undefined || position.rotatedAt < since) since = position.rotatedAt
      }
      return { families: waiting.size, since }
    },
  }
}

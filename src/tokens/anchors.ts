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
  /** How many wait, and when the one that waits longest was rotated. */
  waiting(): { anchors: number; since: Date | undefined }
  /**
   * Whether the record has not taken any for so long that no more may be added: Redis would be the only place that
   * knows of ever more rotations.
   */
  isStalled(): boolean
}

/** A rotation is in Postgres within this time, as long as Postgres answers. */
const FLUSH_AFTER_MS = 100
/** After a failure: soon enough to be done before anyone notices, seldom enough not to fill the log. */
const RETRY_AFTER_MS = 1000
/** Rows in one statement. */
const BATCH = 1000
/**
 * So many attempts in a row may fail, one a second: a spent token that Redis could forget meanwhile is still within its
 * retry window (31 s at least), so that losing Redis then gives it nothing that it would not have had.
 */
const ATTEMPTS_UNTIL_STALLED = 15

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
  const waiting = new Map<string, { anchor: Anchor; since: Date }>()
  let failures = 0
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
    if (earlier && earlier.anchor.position.generation >= anchor.position.generation) return
    waiting.set(id, { anchor, since: earlier?.since ?? anchor.position.rotatedAt })
  }

  /** Puts what could not be written back in front: the order is that of waiting. */
  function restore(batch: readonly Anchor[]): void {
    const later = [...waiting.values()].map(({ anchor }) => anchor)
    waiting.clear()
    for (const anchor of [...batch, ...later]) keep(anchor)
  }

  function schedule(afterMs: number): void {
    timer ??= setTimeout(() => {
      flush().catch((error) => logger.warn({ err: error, anchors: waiting.size }, 'anchors not written yet'))
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
      for (const [id, { anchor }] of waiting) {
        batch.push(anchor)
        waiting.delete(id)
        if (batch.length === BATCH) break
      }
      try {
        await write(batch)
        failures = 0
      } catch (error) {
        failures++
        restore(batch)
        schedule(RETRY_AFTER_MS)
        throw error
      }
    }
  }

  return {
    add,
    flush,
    waiting() {
      const [oldest] = waiting.values()
      return { anchors: waiting.size, since: oldest?.since }
    },
    isStalled: () => failures >= ATTEMPTS_UNTIL_STALLED,
  }
}

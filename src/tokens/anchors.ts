import type { HeldAuditEvent } from '../audit/events.ts'
import { monotonicMs } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Unavailable } from '../unavailable.ts'
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
  /** How many families are not written yet, those being written among them, and since when the oldest is not. */
  waiting(): { families: number; lagMs: number }
  /**
   * Whether the record has not taken a position of this family for so long that no more may be added: Redis would be the
   * only place that knows of ever more rotations.
   */
  isStalled(familyId: Buffer): boolean
}

/** A rotation is in Postgres within this time, as long as Postgres answers. */
const FLUSH_AFTER_MS = 100
/** After a failure: soon enough to be done before anyone notices, seldom enough not to fill the log. */
const RETRY_AFTER_MS = 1000
/** Families in one statement. */
const BATCH = 1000
/**
 * A token that was spent in this time, and half a minute for whoever is under way, is still within its retry window (31 s at
 * least): losing Redis gives it nothing that it would not have had.
 */
const STALLED_AFTER_MS = 15_000

/** Of one family: the furthest position, and before it the ones that have to be audited. */
interface Waiting {
  /** When the record began to lag, on a clock that nobody sets. */
  readonly since: number
  readonly anchors: readonly Anchor[]
}

/**
 * Gathers positions and writes them in batches: rotating a family costs Postgres no transaction of its own. Of several
 * positions of one family only the furthest is kept, and those that have to be audited; what is not written stays and is
 * tried again.
 * @param write one batch; must never lower a position. Returns what it had to leave out, because somebody holds its row
 */
export function anchorQueue(
  write: (anchors: readonly Anchor[]) => Promise<readonly Anchor[]>,
  logger: Logger,
  elapsedMs: () => number = monotonicMs,
): AnchorQueue {
  const waiting = new Map<string, Waiting>()
  let inFlight: ReadonlyMap<string, Waiting> = new Map()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined

  function add(anchor: Anchor): void {
    const id = keyOf(anchor.family.id)
    const { since, anchors } = waiting.get(id) ?? { since: elapsedMs(), anchors: [] }
    waiting.set(id, { since, anchors: merge(anchors, [anchor]) })
    schedule(FLUSH_AFTER_MS)
  }

  /** The timer keeps no process alive: one that is to end writes what waits by itself, or says that it could not. */
  function schedule(afterMs: number): void {
    timer ??= setTimeout(() => {
      flush().catch((error) => logger.warn({ err: error, families: waiting.size }, 'anchors not written yet'))
    }, afterMs).unref()
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
      inFlight = new Map([...waiting].slice(0, BATCH))
      for (const id of inFlight.keys()) waiting.delete(id)
      const batch = [...inFlight.values()].flatMap(({ anchors }) => anchors)
      let left: readonly Anchor[] = batch
      try {
        left = await write(batch)
        if (left.length > 0) throw new Unavailable('postgres', `${left.length} rows are held by somebody`)
      } catch (error) {
        restore(left)
        schedule(RETRY_AFTER_MS)
        throw error
      } finally {
        inFlight = new Map()
      }
    }
  }

  /** Puts back what was not written, as old as it is. */
  function restore(left: readonly Anchor[]): void {
    for (const anchor of left) {
      const id = keyOf(anchor.family.id)
      const { since } = inFlight.get(id) ?? { since: elapsedMs() }
      waiting.set(id, { since, anchors: merge([anchor], waiting.get(id)?.anchors ?? []) })
    }
  }

  return {
    add,
    flush,
    waiting() {
      const all = [...inFlight.values(), ...waiting.values()]
      const now = elapsedMs()
      return {
        families: all.length,
        lagMs: all.reduce((longest, { since }) => Math.max(longest, now - since), 0),
      }
    },
    isStalled(familyId) {
      const id = keyOf(familyId)
      const since = inFlight.get(id)?.since ?? waiting.get(id)?.since
      return since !== undefined && elapsedMs() - since > STALLED_AFTER_MS
    },
  }
}

function keyOf(familyId: Buffer): string {
  return familyId.toString('latin1')
}

/** An audited step must not be pushed out by the next step of its family. */
function merge(earlier: readonly Anchor[], later: readonly Anchor[]): readonly Anchor[] {
  const all = [...earlier, ...later]
  const furthest = Math.max(...all.map(({ position }) => position.generation))
  return all.filter(({ audit, position }) => audit !== undefined || position.generation === furthest)
}

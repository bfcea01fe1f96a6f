import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type AuditEvent, type AuditEventName, type HeldAuditEvent, holdAudit } from './events.ts'

/**
 * Counts what may happen very often, so that it costs a row now and then instead of one each time. The first event of a key
 * is written within a second; what follows is counted and written as one row when the key's window ends. Each row says
 * in `details.count` how many events it stands for.
 */
export interface Tally {
  /**
   * Counts an event of the request being served. Returns at once: nothing is written on the caller's way.
   * @param key what it is counted under, for example a family's id; keys of different events are different
   */
  note(event: AuditEvent, key: string): void
  /** Writes what is due. The tally does so by itself every second; it logs a failure and tries again. */
  writeDue(): Promise<void>
  /** Writes everything that was counted, due or not. A failure is logged, and what was counted stays. */
  flush(): Promise<void>
  /** Ends the timer. Flush first: what was counted is lost then. */
  stop(): void
}

/** At most one row a key within this time … */
const WINDOW_SECONDS = 600
/** … and of these, whose key is the node. */
const WINDOWS: Partial<Record<AuditEventName, number>> = { 'family.degraded': 60, 'family.rebuilt': 60 }
/** How often the tally looks for what is due. */
const PERIOD_MS = 1000
/**
 * Keys at a time. Beyond it, what is new is counted without saying whom it concerns, one row an event and window: whoever
 * tries every name from everywhere fills neither the memory nor the table.
 */
const MAX_KEYS = 1000

interface Count {
  /** The latest one, which speaks for all. */
  held: HeldAuditEvent
  /** Not written yet. */
  count: number
  /** When a row was last written, in milliseconds of the node's clock; undefined before the first. */
  writtenAt: number | undefined
}

/**
 * Makes a tally.
 * @param options.write writes rows in one transaction; its failure loses nothing
 */
export function makeTally({
  write,
  clock,
  logger,
  maxKeys = MAX_KEYS,
}: {
  write: (held: readonly HeldAuditEvent[]) => Promise<void>
  clock: Clock
  logger: Logger
  maxKeys?: number
}): Tally {
  const counts = new Map<string, Count>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let last: Promise<void> = Promise.resolve()
  let isFailing = false

  function note(event: AuditEvent, key: string): void {
    const held = holdAudit(event)
    const own = counts.get(`${event.event} ${key}`)
    if (own) count(own, held)
    else if (counts.size < maxKeys) begin(`${event.event} ${key}`, held)
    else noteOther(event)
    schedule()
  }

  function noteOther({ event }: AuditEvent): void {
    const held = { event: { event, actor: 'keyturn', details: { others: true } }, request: undefined }
    const others = counts.get(event)
    if (others) count(others, held)
    else begin(event, held)
  }

  function begin(key: string, held: HeldAuditEvent): void {
    counts.set(key, { held, count: 1, writtenAt: undefined })
  }

  function count(one: Count, held: HeldAuditEvent): void {
    one.held = held
    one.count++
  }

  function schedule(): void {
    if (stopped || counts.size === 0) return
    timer ??= setTimeout(() => {
      timer = undefined
      void writeDue().then(schedule)
    }, PERIOD_MS).unref()
  }

  /** The distance, so that a clock that was set back does not make a window of hours. */
  function isOver({ held, writtenAt }: Count): boolean {
    if (writtenAt === undefined) return true
    const seconds = Math.abs(clock.now().getTime() - writtenAt) / 1000
    return seconds >= (WINDOWS[held.event.event] ?? WINDOW_SECONDS)
  }

  function writeDue(): Promise<void> {
    return writeThose(isOver)
  }

  /** One writing after the other: what is being written must not be taken twice. */
  function writeThose(which: (one: Count) => boolean): Promise<void> {
    last = last.then(() => writeNow(which))
    return last
  }

  async function writeNow(which: (one: Count) => boolean): Promise<void> {
    const rows = [...counts.values()].filter((one) => one.count > 0 && which(one))
    const written = rows.map(({ count }) => count)
    try {
      if (rows.length > 0) await write(rows.map(asRow))
      isFailing = false
    } catch (error) {
      if (!isFailing) logger.warn({ err: error, rows: rows.length }, 'counted events not written yet')
      isFailing = true
      return
    }
    const writtenAt = clock.now().getTime()
    for (const [index, one] of rows.entries()) {
      one.count -= written[index] ?? 0
      one.writtenAt = writtenAt
    }
    // A window in which nothing more happened: the next event of the key is a first one again.
    for (const [key, one] of counts) if (one.count === 0 && isOver(one)) counts.delete(key)
  }

  return {
    note,
    writeDue,
    flush: () => writeThose(() => true),
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function asRow({ held: { event, request }, count }: Count): HeldAuditEvent {
  return { event: { ...event, details: { ...event.details, count } }, request }
}

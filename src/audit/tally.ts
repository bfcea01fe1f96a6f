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
 * Keys of an event at a time. Beyond it, what is new is counted without saying whom it concerns, one row an event and window:
 * whoever tries every name from everywhere fills neither the memory nor the table, and hides no other event.
 */
const MAX_KEYS = 1000

/** What is counted of one event. */
interface Counted {
  readonly keys: Map<string, Count>
  /** What came when there were too many keys. */
  others: Count | undefined
}

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
  const events = new Map<AuditEventName, Counted>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let last: Promise<void> = Promise.resolve()
  let isFailing = false

  function note(event: AuditEvent, key: string): void {
    const held = holdAudit(event)
    const counted = countedOf(event.event)
    const own = counted.keys.get(key)
    if (own) count(own, held)
    else if (counted.keys.size < maxKeys) counted.keys.set(key, begin(held))
    else noteOther(counted, held)
    schedule()
  }

  function countedOf(event: AuditEventName): Counted {
    const counted = events.get(event) ?? { keys: new Map<string, Count>(), others: undefined }
    events.set(event, counted)
    return counted
  }

  /** The request of the latest one stays: where it came from is what is left to go by. */
  function noteOther(counted: Counted, { event: { event }, request }: HeldAuditEvent): void {
    const held = { event: { event, actor: 'keyturn', details: { others: true } }, request }
    if (counted.others) count(counted.others, held)
    else counted.others = begin(held)
  }

  function begin(held: HeldAuditEvent): Count {
    return { held, count: 1, writtenAt: undefined }
  }

  function all(): Count[] {
    return [...events.values()].flatMap(({ keys, others }) => [...keys.values(), ...(others ? [others] : [])])
  }

  /** A window in which nothing more happened: the next event of the key is a first one again. */
  function forgetQuiet(): void {
    const isQuiet = (one: Count) => one.count === 0 && isOver(one)
    for (const [event, counted] of events) {
      for (const [key, one] of counted.keys) if (isQuiet(one)) counted.keys.delete(key)
      if (counted.others && isQuiet(counted.others)) counted.others = undefined
      if (counted.keys.size === 0 && !counted.others) events.delete(event)
    }
  }

  function count(one: Count, held: HeldAuditEvent): void {
    one.held = held
    one.count++
  }

  function schedule(): void {
    if (stopped || events.size === 0) return
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
    const rows = all().filter((one) => one.count > 0 && which(one))
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
    forgetQuiet()
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

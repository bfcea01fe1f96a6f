import type { AuditLog, RowCursor } from './audit-log.ts'
import type { ChainKey, ChainPoint } from './chain.ts'
import type { Finding } from './findings.ts'
import { trueFloor } from './floor.ts'
import { beginWalk, endWalk, type KeyOf, walkOn } from './verification.ts'

/** A month that is old enough to go, as the database says. */
export interface OldMonth {
  readonly slot: number
  /** The last chained row in it. */
  readonly end: ChainPoint
  /** Nothing later than this may go; UTC, as in `AuditRow.at`. */
  readonly removableBefore: string
}

/** Removes months from the log. */
export interface AuditRetention {
  /** The oldest month whose last row is older than the twelve months that are kept; undefined where there is none. */
  oldMonth(): Promise<OldMonth | undefined>
  /**
   * Removes a month and whatever lies before its end, raises the floor from `from` to the month's end, and chains a row
   * that says so, in one transaction.
   * @returns `busy` when somebody is at the chain or at the month, or it is no longer as it was
   */
  remove(month: OldMonth, from: ChainPoint, key: ChainKey): Promise<'removed' | 'busy'>
}

/** What became of an attempt to remove the oldest month. */
export type Removal =
  | { readonly outcome: 'nothing' | 'too_young' | 'busy' }
  | { readonly outcome: 'removed'; readonly through: number }
  | { readonly outcome: 'damaged'; readonly findings: readonly Finding[] }

const PAGE = 1000

/**
 * Removes the oldest month if it is time. Everything that goes is verified first, its times among it: who could only write
 * to the table could otherwise make rows look old, and have us remove them in good order. A log that does not verify is
 * left as it is, since it is evidence.
 * @param signal ends it between two pages, with nothing removed: `busy`
 */
export async function removeOldest(
  retention: AuditRetention,
  log: AuditLog,
  key: ChainKey,
  keyOf: KeyOf,
  signal?: AbortSignal,
): Promise<Removal> {
  const month = await retention.oldMonth()
  const claims = await log.claims()
  if (month === undefined || claims === undefined) return { outcome: 'nothing' }
  const from = trueFloor(claims, keyOf)
  let walk = beginWalk(from, month.end)
  let after: RowCursor | undefined
  for (;;) {
    if (signal?.aborted) return { outcome: 'busy' }
    const rows = await log.chained({ after, until: month.end.position, limit: PAGE })
    // A row that committed late stands behind some of the month after: it goes with them, a little later.
    if (rows.some(({ at }) => at >= month.removableBefore)) return { outcome: 'too_young' }
    const step = walkOn(walk, rows, keyOf)
    if (step.findings.length > 0) return { outcome: 'damaged', findings: step.findings }
    walk = step.walk
    after = rows.at(-1)
    if (rows.length < PAGE) break
  }
  const findings = endWalk(walk)
  if (findings.length > 0) return { outcome: 'damaged', findings }
  if (signal?.aborted) return { outcome: 'busy' }
  const outcome = await retention.remove(month, from, key)
  return outcome === 'removed' ? { outcome, through: month.end.position } : { outcome }
}

import { type ChainedRow, type ChainPoint, rowMac } from './chain.ts'
import { type Finding, judgeMisfits, type Misfit, noteOf } from './findings.ts'

/** The key of a version; undefined when there is certainly none. */
export type KeyOf = (version: number) => Buffer | undefined

/** How far a verification has come: of the same size, however long the log is. */
export interface Walk {
  /** Everything up to here was removed because it was old. */
  readonly floor: ChainPoint
  /** Where the walk ends. */
  readonly end: ChainPoint
  /** What somebody has noted of the log, to be met on the way. */
  readonly expected: ChainPoint | undefined
  /** The last position seen. */
  readonly position: number
  /** What the row there may follow; empty where what it followed is missing. */
  readonly before: readonly Buffer[]
  /** What the next row may follow: two things only behind a row that is not as it was chained. */
  readonly after: readonly Buffer[]
  /** Whether the row there is as it was chained, as far as can be told. */
  readonly isIntact: boolean
}

/** Begins behind the floor. */
export function beginWalk(floor: ChainPoint, end: ChainPoint, expected?: ChainPoint): Walk {
  const { position, mac } = floor
  return { floor, end, expected, position, before: [], after: [mac], isIntact: true }
}

/** Goes on where old rows may have been removed since the walk began. */
export function raiseFloor(walk: Walk, floor: ChainPoint): Walk {
  if (floor.position <= walk.floor.position) return walk
  return floor.position <= walk.position ? { ...walk, floor } : beginWalk(floor, walk.end, walk.expected)
}

/**
 * Checks the next rows.
 * @param rows in order of position, up to the walk's end; together with those before them, without one left out
 */
export function walkOn(
  walk: Walk,
  rows: readonly ChainedRow[],
  keyOf: KeyOf,
): { walk: Walk; findings: Finding[] } {
  const findings: Finding[] = []
  const misfits: Misfit[] = []
  let at = walk

  for (const row of rows) {
    const position = Number(row.position)
    const isSecond = position === at.position
    const isGap = position > at.position + 1
    if (isGap) findings.push({ finding: 'missing', position: at.position + 1, until: position - 1 })
    const before = isGap ? [] : isSecond ? at.before : at.after
    const isIntact = isGap || before.some((previous) => fits(row, position, previous, keyOf))

    if (position <= at.floor.position || (isSecond && at.isIntact)) {
      findings.push({ finding: 'inserted', position, row: noteOf(row) })
      // A place that was given twice, because somebody set the head back: the chain goes on behind either.
      if (isSecond && isIntact) at = { ...at, after: [...at.after, row.mac] }
      continue
    }
    if (!isIntact) misfits.push({ row, before })
    if (isSecond && isIntact) findings.push(...takeInserted(misfits, position))
    const after = isIntact ? [row.mac] : [row.mac, ...trueMac(row, before, keyOf)]
    at = { ...at, position, before, after, isIntact }
    if (at.expected?.position === position && !at.after.some((mac) => at.expected?.mac.equals(mac))) {
      findings.push({ finding: 'cut', position, noted: 'expected' })
    }
  }
  findings.push(...judgeMisfits(misfits, (row, position, previous) => fits(row, position, previous, keyOf)))
  return { walk: at, findings: findings.sort((left, right) => placeOf(left) - placeOf(right)) }
}

/** What only the end of the walk shows: whether it was reached. */
export function endWalk({ position, after, end, expected }: Walk): Finding[] {
  const findings: Finding[] = []
  if (position < end.position) {
    findings.push({ finding: 'missing', position: position + 1, until: end.position })
  } else if (!after.some((mac) => mac.equals(end.mac))) {
    findings.push({ finding: 'cut', position: end.position, noted: 'head' })
  }
  if (expected && expected.position > end.position) {
    findings.push({ finding: 'cut', position: expected.position, noted: 'expected' })
  }
  return findings
}

function fits(row: ChainedRow, position: number, previous: Buffer, keyOf: KeyOf): boolean {
  const key = keyOf(Number(row.keyVersion))
  return key !== undefined && rowMac(key, previous, { ...row, position: String(position) }).equals(row.mac)
}

/** Rows at a place that turned out to belong to a later one: they were never chained there. */
function takeInserted(misfits: Misfit[], position: number): Finding[] {
  const first = misfits.findIndex(({ row }) => Number(row.position) === position)
  if (first < 0) return []
  return misfits.splice(first).map(({ row }) => ({ finding: 'inserted', position, row: noteOf(row) }))
}

/** Where only a row's mac was changed, the next one still follows the true one. */
function trueMac(row: ChainedRow, before: readonly Buffer[], keyOf: KeyOf): Buffer[] {
  const key = keyOf(Number(row.keyVersion))
  // Of one only: else what may follow would grow from row to row.
  const [previous] = before
  return key && previous ? [rowMac(key, previous, row)] : []
}

function placeOf(finding: Finding): number {
  return 'position' in finding ? finding.position : Number.POSITIVE_INFINITY
}

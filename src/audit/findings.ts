import type { ChainedRow } from './chain.ts'

/** What is wrong with the log. Positions count the rows in the order in which they were chained. */
export type Finding =
  /** Not as it was chained. */
  | { readonly finding: 'changed'; readonly position: number; readonly row: RowNote }
  /** As it was chained, but at another place. */
  | { readonly finding: 'reordered'; readonly position: number; readonly was: number; readonly row: RowNote }
  /** Never chained at this place: a second row there, one behind the end, or one that was removed long ago. */
  | { readonly finding: 'inserted'; readonly position: number; readonly row: RowNote }
  /** Gone, both ends included. The row after a gap cannot be checked. */
  | { readonly finding: 'missing'; readonly position: number; readonly until: number }
  /** The log is not the one that was noted: by its own head, or by whoever asks. */
  | { readonly finding: 'cut'; readonly position: number; readonly noted: 'head' | 'expected' }
  /** Written more than a minute ago and still not chained; the oldest of them. */
  | { readonly finding: 'unchained'; readonly rows: number; readonly row: RowNote }

/** Enough of a row to find it. */
export interface RowNote {
  readonly id: string
  readonly at: string
  readonly event: string
}

/** A row that does not fit where it is, and what the row at its place may follow. */
export interface Misfit {
  readonly row: ChainedRow
  readonly before: readonly Buffer[]
}

/** Enough of a row to find it. */
export function noteOf({ id, at, event }: RowNote): RowNote {
  return { id, at, event }
}

/** Each is tried at the place of each other one, behind each other one: more would take seconds. */
const MAX_MISFITS = 16

/**
 * Tells which of the rows that do not fit are as they were chained and stand at each other's places. A row moved further
 * than a page, or with many others, is called changed.
 * @param fits whether a row's mac is right at a position, behind a mac
 */
export function judgeMisfits(
  misfits: readonly Misfit[],
  fits: (row: ChainedRow, position: number, previous: Buffer) => boolean,
): Finding[] {
  if (misfits.length > MAX_MISFITS) return misfits.map(({ row }) => changed(row))
  const macs = misfits.map(({ row }) => row.mac)
  const judged = misfits.map(({ row }) => {
    const place = misfits.find(({ row: there, before }) => {
      return [...before, ...macs].some((previous) => fits(row, Number(there.position), previous))
    })
    return { row, was: place && Number(place.row.position) }
  })
  // A row that is right where it is, behind one that has moved, is not worth a word; where there is no other, it is.
  const moved = judged.filter(({ row, was }) => was !== Number(row.position))
  return (moved.length > 0 ? moved : judged).map(({ row, was }) => {
    const position = Number(row.position)
    if (was === undefined || was === position) return changed(row)
    return { finding: 'reordered', position, was, row: noteOf(row) }
  })
}

function changed(row: ChainedRow): Finding {
  return { finding: 'changed', position: Number(row.position), row: noteOf(row) }
}

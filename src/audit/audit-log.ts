import type { AuditRow, ChainedRow, ChainPoint } from './chain.ts'

/** Where a page of chained rows ends: positions need not be unique in a table that somebody has changed. */
export interface RowCursor {
  readonly position: string
  readonly id: string
  readonly monthSlot: string
}

/** What the chain says of itself, unchecked. */
export interface ChainClaims {
  readonly head: ChainPoint
  readonly floor: ChainPoint & { readonly keyVersion: number; readonly seal: Buffer }
}

/** What lies outside the chain. */
export interface OutsideChain {
  /** Rows behind its end, at most a hundred. */
  readonly behind: readonly (AuditRow & { readonly position: string })[]
  /** Rows that have waited for their place for more than a minute. */
  readonly late: { readonly rows: number; readonly first: AuditRow | undefined }
}

/** Which rows to show. */
export interface LogQuery {
  readonly limit: number
  readonly event?: string | undefined
  /** The user whom it happened to. Who did it is the same one where it was a user: they act on what is theirs alone. */
  readonly userId?: string | undefined
  /** Only chained rows behind this position, the oldest first; else the latest ones. */
  readonly afterPosition?: number | undefined
}

/** A row for whoever asks what happened. */
export interface LoggedRow extends AuditRow {
  /** Null until it is chained. */
  readonly position: string | null
}

/** The audit log, to be read. */
export interface AuditLog {
  /** Rows in the order in which they happened. */
  read(query: LogQuery): Promise<LoggedRow[]>
  /** The next chained rows of some events, in the order of the chain: behind `after`, up to `until`. */
  readAhead(page: {
    readonly events: readonly string[]
    readonly after: number
    readonly until: number
    readonly limit: number
  }): Promise<LoggedRow[]>
  /** Undefined when the chain's own row is gone, or nothing was chained yet in a database that was emptied. */
  claims(): Promise<ChainClaims | undefined>
  /** Claims and what lies outside them, as of one moment. */
  outside(): Promise<(ChainClaims & OutsideChain) | undefined>
  /** Chained rows in order of position. */
  chained(page: { after: RowCursor | undefined; until: number; limit: number }): Promise<ChainedRow[]>
}

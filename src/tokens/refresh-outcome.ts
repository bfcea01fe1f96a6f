import type { RefreshFamily, Rotation } from './refresh-families.ts'

/**
 * What presenting a refresh token came to: the same word in metric, audit row and log. First what was granted, then
 * what was refused; docs/adr/0003-refresh-families.md has the table.
 */
export const REFRESH_OUTCOMES = [
  /** The live token: an ordinary refresh. */
  'rotated',
  /** The spent one, within the retry window: the same successor again. */
  'retry',
  /** The spent one, later, where the client's policy lets it in once. */
  'late_retry',
  /** A genuine token from ahead of the store, which had lost writes. */
  'roll_forward',
  /** Rotated or retried after Redis had lost the family: set right from the record. */
  'rebuilt',
  /** Rotated or retried on the record, because Redis did not answer. */
  'degraded',
  /** A spent token that nobody may have any more: the family ended. */
  'reuse',
  /** From further ahead than any store can have lost: the family ended. */
  'future',
  /** Of a family that somebody has ended, or whose user is disabled. */
  'revoked',
  /** Past the idle or the absolute end of its family. */
  'expired',
  /** Another client's: nothing happens to its family. */
  'foreign_client',
  /** No token of ours, or of a family that is gone. */
  'unknown',
] as const

export type RefreshOutcome = (typeof REFRESH_OUTCOMES)[number]

/** One presented refresh token, for metric, audit and log. */
export interface RefreshNote {
  readonly outcome: RefreshOutcome
  /** The client that presented it, where it is known by then. */
  readonly clientId?: string
  /** Where the token names one. */
  readonly family?: RefreshFamily
  /** The generation that was presented. */
  readonly generation?: number
}

/** Is told of every presented refresh token, once. */
export type NoteRefresh = (note: RefreshNote) => void

/** The one word for a rotation. How an ordinary step was done counts only where the step itself is ordinary. */
export function outcomeOf({ outcome, rebuilt, degraded }: Rotation): RefreshOutcome {
  if (outcome === 'ended') return 'revoked'
  if (outcome !== 'rotated' && outcome !== 'retry') return outcome
  return degraded ? 'degraded' : rebuilt ? 'rebuilt' : outcome
}

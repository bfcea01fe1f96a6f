import type { LatePolicy } from '../clients/client.ts'

/** Where a family stands in its chain: exactly one generation is live. */
export interface Position {
  /** The live generation. */
  readonly generation: number
  /** The generation that was presented to make the live one; 0 at the start. */
  readonly predecessor: number
  /** When the live generation was made. */
  readonly rotatedAt: Date
  /** The refresh key version that the live generation's token is derived with. */
  readonly keyVersion: number
  /** Whether the predecessor has had its one late retry. */
  readonly lateUsed: boolean
}

/** What does not change from one rotation to the next. */
export interface RotationRules {
  /** How long the predecessor still gets the same successor, seconds. */
  readonly retryWindowSeconds: number
  readonly latePolicy: LatePolicy
}

/**
 * What presenting a generation means. `rotated`, `retry`, `late_retry` and `roll_forward` give the client the token of
 * the resulting position's generation; `reuse` and `future` end the family.
 */
export type RotationOutcome = 'rotated' | 'retry' | 'late_retry' | 'roll_forward' | 'reuse' | 'future'

/** After this time a predecessor is a thief's under either policy. */
export const LATE_WINDOW_SECONDS = 24 * 3600
/** How far ahead of the store a genuine token may be: so many acknowledged rotations can a failing store have lost. */
export const ROLL_FORWARD_LIMIT = 16
/** The first generation of a family. */
export const FIRST_GENERATION = 1

/**
 * The rotation table (docs/adr/0003-refresh-families.md), as a pure function. The Lua script says the same for Redis;
 * a test drives both through the same random histories.
 * @param position where the family stands
 * @param presented the generation of a genuine token
 * @param now the time; a clock that was set back does not lengthen a window (the distance counts either way)
 * @param keyVersion the refresh key version for a new generation
 * @returns the outcome and the position after it; the same object where nothing changes
 */
export function rotate(
  position: Position,
  presented: number,
  now: Date,
  keyVersion: number,
  rules: RotationRules,
): { outcome: RotationOutcome; position: Position } {
  const { generation, predecessor } = position
  const next = (from: number, lateUsed: boolean, to: number): Position => ({
    generation: to,
    predecessor: from,
    rotatedAt: now,
    keyVersion,
    lateUsed,
  })

  if (presented === generation) {
    return { outcome: 'rotated', position: next(generation, false, generation + 1) }
  }
  if (presented > generation) {
    if (presented > generation + ROLL_FORWARD_LIMIT) return { outcome: 'future', position }
    return { outcome: 'roll_forward', position: next(presented, false, presented + 1) }
  }
  if (presented !== predecessor) return { outcome: 'reuse', position }

  const ageSeconds = Math.abs(now.getTime() - position.rotatedAt.getTime()) / 1000
  if (ageSeconds <= rules.retryWindowSeconds) return { outcome: 'retry', position }
  if (rules.latePolicy === 'supersede' && !position.lateUsed && ageSeconds <= LATE_WINDOW_SECONDS) {
    return { outcome: 'late_retry', position: next(predecessor, true, generation + 1) }
  }
  return { outcome: 'reuse', position }
}

import type { RefreshFamily } from './refresh-families.ts'
import type { Position } from './rotation.ts'

/** The columns of `refresh_families` that tell where the family stands. */
export interface PositionRow {
  generation: number
  predecessor: number
  rotated_at: Date
  key_version: number
  late_used: boolean
}

/** A row of `refresh_families`, its own names prefixed where a joined table has the same. */
export interface RefreshFamilyRow extends PositionRow {
  family_id: Buffer
  session_id: string
  family_user_id: string
  family_client_id: string
  scope: string[]
  audience: string[]
  salt: Buffer
  absolute_expires_at: Date
  idle_expires_at: Date
  family_ended_at: Date | null
}

/** What to select, from `refresh_families f`, to get such a row. */
export const FAMILY_COLUMNS = `f.id as family_id, f.session_id, f.user_id as family_user_id,
  f.client_id as family_client_id, f.scope, f.audience, f.salt, f.absolute_expires_at, f.idle_expires_at,
  f.ended_at as family_ended_at, f.generation, f.predecessor, f.rotated_at, f.key_version, f.late_used`

/** A row as the rest of the program sees it. */
export function toFamily(row: RefreshFamilyRow): RefreshFamily {
  return {
    id: row.family_id,
    sessionId: row.session_id,
    userId: row.family_user_id,
    clientId: row.family_client_id,
    scope: row.scope,
    audience: row.audience,
    salt: row.salt,
    absoluteExpiresAt: row.absolute_expires_at,
    idleExpiresAt: row.idle_expires_at,
    endedAt: row.family_ended_at,
    anchor: toPosition(row),
  }
}

/** The position in a row. */
export function toPosition(row: PositionRow): Position {
  return {
    generation: row.generation,
    predecessor: row.predecessor,
    rotatedAt: row.rotated_at,
    keyVersion: row.key_version,
    lateUsed: row.late_used,
  }
}

import type { Unusable } from './credential-rows.ts'
import type { DjangoRecord } from './record.ts'
import { momentOf } from './user-row.ts'

/** A refresh token to be brought along: its id, never the token that Django keeps beside it. */
export interface OutstandingRow {
  readonly jti: string
  readonly userId: string
  readonly expiresAt: string
  readonly isBlacklisted: boolean
}

/** A row of `token_blacklist_outstandingtoken`. @param blacklisted primary keys of rows there */
export function outstandingRow(
  { pk, fields }: DjangoRecord,
  blacklisted: ReadonlySet<string>,
): OutstandingRow | Unusable {
  const jti = fields['jti'] ?? fields['jti_hex']
  const userId = fields['user'] ?? fields['user_id']
  const expiresAt = momentOf(fields['expires_at'])
  if (pk === undefined) return { problem: 'it has no primary key: dump without --natural-primary' }
  if (typeof userId !== 'string' && typeof userId !== 'number') {
    return { problem: 'its user is gone, or not named by primary key: dump without --natural-foreign' }
  }
  if (typeof jti !== 'string' || jti === '') return { problem: 'it has no jti' }
  if (expiresAt === undefined) return { problem: 'it has no time of expiry' }
  return { jti, userId: String(userId), expiresAt, isBlacklisted: blacklisted.has(String(pk)) }
}

/** The primary key of the outstanding token that a row of `token_blacklist_blacklistedtoken` is about. */
export function blacklistedKey({ fields }: DjangoRecord): string {
  return String(fields['token'] ?? fields['token_id'])
}

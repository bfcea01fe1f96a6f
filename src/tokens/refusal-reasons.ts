import type { Position, RotationOutcome, RotationRules } from './rotation.ts'

/** Why a refresh token is refused whatever its generation, for an operator who asks. */
const REFRESH_REASONS: Readonly<Record<string, string>> = {
  refresh_token_malformed:
    'no refresh key of this deployment made it: altered, cut short, or from another deployment',
  refresh_token_unknown:
    'its family is not in the record: removed seven days after its end, or with its user or client',
  refresh_token_forged: 'its mac is not that of its family: made without the family’s row',
  refresh_token_of_another_client: 'its family is another client’s',
  refresh_token_revoked: 'its family, session or what its client began has been ended',
  refresh_token_grant_withdrawn: 'its client may not refresh any more',
  refresh_token_user_disabled: 'its user is disabled',
  refresh_token_expired: 'its family was not used for too long, or has reached its absolute end',
}

/**
 * The reason that the log has, as a sentence.
 * @param reason one of refresh-standing.ts
 */
export function refreshReason(reason: string): string {
  return REFRESH_REASONS[reason] ?? reason
}

/**
 * Why the rotation table says what it says, as a sentence.
 * @param position where the family stands
 * @param presented the generation of the token
 */
export function rotationReason(
  outcome: RotationOutcome,
  presented: number,
  position: Position,
  now: Date,
  rules: RotationRules,
): string {
  const { generation, rotatedAt } = position
  const seconds = Math.round(Math.abs(now.getTime() - rotatedAt.getTime()) / 1000)
  const spent = `generation ${presented} was spent ${seconds} s ago; ${generation} is live`
  switch (outcome) {
    case 'rotated':
      return `generation ${presented} is the live one: presenting it makes ${generation + 1}`
    case 'retry':
      return `${spent}: within the retry window of ${rules.retryWindowSeconds} s it gets the same successor again`
    case 'late_retry':
      return `${spent}: later than the retry window, but the client's late policy (supersede) lets it in once`
    case 'roll_forward':
      return `generation ${presented} is ahead of the live ${generation}: the store has lost rotations and will be set right`
    case 'future':
      return `generation ${presented} is further ahead of the live ${generation} than any store can have lost: presenting it ends the family`
    case 'reuse':
      return presented === position.predecessor
        ? `${spent}: presenting it again ends the family (late policy ${rules.latePolicy}${position.lateUsed ? ', its one late retry was used' : ''})`
        : `generation ${presented} was spent before the last one; ${generation} is live: presenting it ends the family`
  }
}

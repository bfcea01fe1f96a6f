import type { Client } from '../clients/client.ts'
import type { Clock } from '../clock.ts'
import type { PresentedFamily, ReadPresented } from './presented.ts'
import type { RefreshFamilies } from './refresh-families.ts'
import type { RefreshRefusal, RefreshStanding } from './refresh-standing.ts'
import type { RefreshTokens } from './refresh-token.ts'
import { type Position, rotate } from './rotation.ts'

/** What presenting a refresh token now would lead to: `live` where it would get new tokens. */
export type RefreshState =
  | { readonly outcome: 'live'; readonly found: PresentedFamily; readonly position: Position }
  | RefreshRefusal
  /** Its place in the family has been taken by a successor. */
  | { readonly outcome: 'spent'; readonly reason: string }

/**
 * Looks a refresh token up as its client would present it, and changes nothing.
 * @param text what was presented, whatever it is
 * @throws Unavailable
 */
export type ReadRefreshState = (text: string, client: Client) => Promise<RefreshState>

/** What it is read with. */
export interface RefreshStateParts {
  readonly refreshTokens: RefreshTokens
  readonly readPresented: ReadPresented
  readonly refreshStanding: RefreshStanding
  readonly families: RefreshFamilies
  readonly retryWindowSeconds: number
  readonly clock: Clock
}

/** Makes that look: introspection and the doors that tell what a token is worth ask the same one. */
export function makeReadRefreshState(parts: RefreshStateParts): ReadRefreshState {
  return async (text, client) => {
    const token = parts.refreshTokens.parse(text)
    if (!token) return { outcome: 'unknown', reason: 'refresh_token_malformed' }
    const now = parts.clock.now()
    const { family } = await parts.readPresented(client.id, token.familyId)
    const stand = await parts.refreshStanding(token, family, client, now)
    if (stand.outcome !== 'live') return stand
    const position = await parts.families.position(stand.found.family)
    const rules = { retryWindowSeconds: parts.retryWindowSeconds, latePolicy: client.latePolicy }
    const { outcome } = rotate(position, token.generation, now, token.keyVersion, rules)
    if (outcome === 'reuse' || outcome === 'future') {
      return { outcome: 'spent', reason: `refresh_token_${outcome}` }
    }
    return { outcome: 'live', found: stand.found, position }
  }
}

import type { Client } from '../clients/client.ts'
import { toSeconds } from '../clock.ts'
import { familyExpiry, type Lifetimes, lifetimesOf } from './lifetimes.ts'
import type { PresentedFamily } from './presented.ts'
import type { RefreshFamilies } from './refresh-families.ts'
import type { RefreshToken, RefreshTokens } from './refresh-token.ts'

/** Why a refresh token is refused whatever its generation. */
export interface RefreshRefusal {
  readonly outcome: 'unknown' | 'foreign_client' | 'revoked' | 'expired'
  /** For the log. */
  readonly reason: string
}

/** Whether a refresh token's generation is all that is left to look at. */
export type RefreshStand = { readonly outcome: 'live'; readonly found: PresentedFamily } | RefreshRefusal

/** What is looked at. */
export interface RefreshStandingParts {
  readonly refreshTokens: RefreshTokens
  readonly families: RefreshFamilies
  readonly lifetimes: Lifetimes
}

/**
 * Everything that can be known of a refresh token before the rotation table is asked, in this order: does its family
 * exist, is it genuine, whose is it, has it been ended, has it expired. Changes nothing.
 * @param client who presents it
 * @returns `live` where its generation decides
 * @throws Unavailable
 */
export type RefreshStanding = (
  token: RefreshToken,
  found: PresentedFamily | undefined,
  client: Client,
  now: Date,
) => Promise<RefreshStand>

/** Makes that check: the refresh grant, introspection and `keyturn explain` ask the same one. */
export function makeRefreshStanding(parts: RefreshStandingParts): RefreshStanding {
  return async (token, found, client, now) => {
    if (!found) return { outcome: 'unknown', reason: 'refresh_token_unknown' }
    const { family } = found
    if (!parts.refreshTokens.isGenuine(token, family)) {
      return { outcome: 'unknown', reason: 'refresh_token_forged' }
    }
    if (family.clientId !== client.id) {
      return { outcome: 'foreign_client', reason: 'refresh_token_of_another_client' }
    }
    // Said first: disabling a user ends its sessions, and that is the reason.
    if (!found.userIsActive) return { outcome: 'revoked', reason: 'refresh_token_user_disabled' }
    if (family.endedAt !== null || found.sessionEnded) {
      return { outcome: 'revoked', reason: 'refresh_token_revoked' }
    }
    if (!client.grants.includes('refresh_token')) {
      return { outcome: 'revoked', reason: 'refresh_token_grant_withdrawn' }
    }
    // In whole seconds, as a token says it: one that would expire as it is issued is no token.
    const isOver = toSeconds(now) >= toSeconds(family.absoluteExpiresAt)
    if (isOver || (await isIdle(found, client, now))) {
      return { outcome: 'expired', reason: 'refresh_token_expired' }
    }
    return { outcome: 'live', found }
  }

  /** The fast store is asked only where the record alone says so: it may know of a later use. */
  async function isIdle({ family }: PresentedFamily, client: Client, now: Date): Promise<boolean> {
    if (now < family.idleExpiresAt) return false
    const lifetimes = lifetimesOf(client, parts.lifetimes)
    return now >= familyExpiry(family, await parts.families.position(family), lifetimes)
  }
}

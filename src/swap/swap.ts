import { createHash, randomBytes } from 'node:crypto'
import type { Client } from '../clients/client.ts'
import { addSeconds, type Clock } from '../clock.ts'
import { chooseAudience } from '../oauth/resource.ts'
import type { ReadPresented } from '../tokens/presented.ts'
import type { NewSession, RefreshFamilies, RefreshFamily } from '../tokens/refresh-families.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'
import type { AcceptedKey } from './accepted-key.ts'
import { type OldToken, readOldToken } from './old-token.ts'
import type { FoundOldToken, OldTokens } from './old-tokens.ts'

/** What became of a presented token. */
export type SwapOutcome =
  /** The refresh token of ours that stands for it, to be presented in its place. */
  | { readonly outcome: 'swapped'; readonly refreshToken: string }
  | { readonly outcome: 'refused'; readonly reason: string }
  /** The old key has not signed it, or none is accepted. */
  | { readonly outcome: 'foreign' }

/** Trades refresh tokens of an earlier system for ours. Both throw Unavailable. */
export interface Swap {
  /** What to present in place of an old token: the same each time. Using it up is the refresh's business. */
  swap(text: string, client: Client): Promise<SwapOutcome>
  /** Logs out with an old token: it is swapped no more. What it was swapped for is the answer, to be revoked by the caller. */
  end(text: string, client: Client): Promise<SwapOutcome>
}

/** What it works with. */
export interface SwapParts {
  /** The old key, while there is one. */
  readonly acceptedKey: () => Promise<AcceptedKey | undefined>
  readonly oldTokens: OldTokens
  readonly families: RefreshFamilies
  readonly refreshTokens: RefreshTokens
  readonly readPresented: ReadPresented
  readonly keyVersion: () => number
  /** Since the swap: when the session began there is not known. */
  readonly lifetimesOf: (client: Client) => {
    refreshIdleTtlSeconds: number
    refreshAbsoluteTtlSeconds: number
  }
  readonly issuer: string
  readonly clock: Clock
}

const FIRST_GENERATION = 1

/**
 * Makes it. The id of the family that a token begins is derived from the token's own, so that any number of requests on any
 * number of nodes begin one; its first refresh token stands for the old one, with its retry window, and with its end where it
 * comes back later. What was swapped is written down before anything is handed out, and for as long as the old token would
 * have lived.
 */
export function makeSwap(parts: SwapParts): Swap {
  const { oldTokens, families, refreshTokens, readPresented, clock } = parts

  async function read(text: string): Promise<OldToken | SwapOutcome> {
    const key = await parts.acceptedKey()
    const token = key ? readOldToken(text, key) : 'foreign'
    if (!key || token === 'foreign') return { outcome: 'foreign' }
    if (token === 'wrong_type') return refused('old_token_wrong_type')
    const now = clock.now()
    if (now >= token.expiresAt || now >= key.acceptUntil) return refused('refresh_token_expired')
    const found = await oldTokens.find(token.jti, token.userId)
    const reason = reasonAgainst(token, found, key)
    return reason === undefined && found ? { ...token, userId: found.user.id } : refused(reason ?? UNKNOWN)
  }

  async function begin(token: OldToken, userId: string, id: Buffer, client: Client): Promise<SwapOutcome> {
    const found = await oldTokens.find(token.jti, token.userId)
    // The family is gone with its session, long after its end: the token has had its turn.
    if (!found || found.isSwapped) return refused('refresh_token_revoked')
    const session = newSession(token, found, familyOf(userId, id, client))
    return (await families.begin(session)) ? standIn(id, client) : refused('refresh_token_revoked')
  }

  /** The token that stands for the old one, where its family is there. */
  async function standIn(id: Buffer, client: Client): Promise<SwapOutcome> {
    const { family: found } = await readPresented(client.id, id)
    if (!found) return refused('refresh_token_revoked')
    const refreshToken = refreshTokens.print(found.family, FIRST_GENERATION, found.family.anchor.keyVersion)
    return { outcome: 'swapped', refreshToken }
  }

  function familyOf(userId: string, id: Buffer, client: Client): RefreshFamily {
    const now = clock.now()
    const ttl = parts.lifetimesOf(client)
    const { audiences } = client
    return {
      id,
      sessionId: `s_${randomBytes(16).toString('base64url')}`,
      userId,
      clientId: client.id,
      scope: client.scopes,
      audience: audiences.length > 0 ? chooseAudience([], audiences, parts.issuer) : [],
      salt: randomBytes(16),
      absoluteExpiresAt: addSeconds(now, ttl.refreshAbsoluteTtlSeconds),
      idleExpiresAt: addSeconds(now, Math.min(ttl.refreshIdleTtlSeconds, ttl.refreshAbsoluteTtlSeconds)),
      endedAt: null,
      anchor: {
        generation: FIRST_GENERATION,
        predecessor: 0,
        rotatedAt: now,
        keyVersion: parts.keyVersion(),
        lateUsed: false,
      },
    }
  }

  return {
    async swap(text, client) {
      const token = await read(text)
      if ('outcome' in token) return token
      const { jti, expiresAt, userId = '' } = token
      const id = familyIdOf(jti)
      const known = await standIn(id, client)
      const outcome = known.outcome === 'swapped' ? known : await begin(token, userId, id, client)
      if (outcome.outcome !== 'swapped') return outcome
      const now = clock.now()
      const noted = await oldTokens.noteSwap({ jti, userId, expiresAt }, now, {
        event: 'old_token.swapped',
        actor: `user:${userId}`,
        userId,
        clientId: client.id,
        details: { family: id.toString('base64url') },
      })
      if (noted === 'noted') return outcome
      const { family } = await readPresented(client.id, id)
      if (family) await families.end(family.family, 'revoked', 'keyturn', now)
      return refused('refresh_token_revoked')
    },

    async end(text, client) {
      const token = await read(text)
      if ('outcome' in token) return token
      const { jti, expiresAt, userId = '' } = token
      await oldTokens.blacklist({ jti, userId, expiresAt })
      const known = await standIn(familyIdOf(jti), client)
      return known.outcome === 'swapped' ? known : { outcome: 'refused', reason: ENDED }
    },
  }
}

/** What `end` answers where nothing was swapped yet: there is nothing left to revoke. */
export const ENDED = 'old_token_ended'
const UNKNOWN = 'old_token_unknown'

/** Why a token whose signature holds is not swapped; undefined where nothing is against it. */
function reasonAgainst(
  { userId, issuedAt }: OldToken,
  found: FoundOldToken | undefined,
  { isListRequired }: AcceptedKey,
): string | undefined {
  if (!found || (userId !== undefined && userId !== found.user.id)) return UNKNOWN
  if (!found.isListed && (isListRequired || found.userIsStaff)) return UNKNOWN
  if (!found.userIsActive) return 'refresh_token_user_disabled'
  const { passwordChangedAt } = found
  const isOlder = passwordChangedAt !== null && issuedAt <= passwordChangedAt
  return found.isBlacklisted || found.hasEnded || isOlder ? 'refresh_token_revoked' : undefined
}

/** 16 bytes, as every family has them. */
function familyIdOf(jti: string): Buffer {
  return createHash('sha256').update('keyturn swap\0').update(jti).digest().subarray(0, 16)
}

function newSession(token: OldToken, found: FoundOldToken, family: RefreshFamily): NewSession {
  return {
    id: family.sessionId,
    userId: found.user.id,
    clientId: family.clientId,
    authenticatedAt: token.issuedAt,
    // How they signed in there is not in the token.
    authenticationMethods: [],
    passwordChangedAt: found.passwordChangedAt,
    expiresAt: family.idleExpiresAt,
    family,
  }
}

function refused(reason: string): SwapOutcome {
  return { outcome: 'refused', reason }
}

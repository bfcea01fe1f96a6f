import type { Context } from 'koa'
import type { Client } from '../../../clients/client.ts'
import { OAuthError } from '../../../oauth/errors.ts'
import { looksLikeOldToken } from '../../../swap/old-token.ts'
import { ENDED, type Swap } from '../../../swap/swap.ts'
import type { AccessTokens } from '../../../tokens/access-token.ts'
import type { ReadRefreshState } from '../../../tokens/refresh-state.ts'
import type { Revoke } from '../../../tokens/revocation.ts'
import { basisOf, type TokenStanding } from '../../../tokens/token-standing.ts'
import type { RequestTokenPair, TokenPair } from '../token-pair.ts'
import { doorClosed, refreshRefused, stateRefused, tokenNotValid } from './refusals.ts'

/** What simplejwt's words about tokens are worked out with. */
export interface SimplejwtTokenParts {
  readonly request: RequestTokenPair
  readonly readRefreshState: ReadRefreshState
  readonly revoke: Revoke
  readonly accessTokens: AccessTokens
  readonly standing: TokenStanding
  readonly swap: Swap
  /** The client of the door. @throws DjangoError 404 while it is disabled */
  readonly openClient: () => Promise<Client>
}

/** What can be done with a token at a Django-shaped endpoint; all throw DjangoError in simplejwt's words. */
export interface SimplejwtTokens {
  refresh(ctx: Context, refresh: string): Promise<TokenPair>
  /** Whether a token of either type is good; nothing is used up. */
  verify(token: string): Promise<void>
  /** A spent token is refused as blacklisted, as there; but whoever logs out with one means the session, so it ends. */
  blacklist(refresh: string): Promise<void>
}

/** Makes them. */
export function simplejwtTokens(parts: SimplejwtTokenParts): SimplejwtTokens {
  const { request, readRefreshState, revoke, accessTokens, standing, swap, openClient } = parts

  /** An access token where a refresh token belongs has a message of its own. */
  async function refused(text: string, reason: string): Promise<Error> {
    const isAccessToken =
      reason === 'refresh_token_malformed' && (await accessTokens.verify(text)) !== undefined
    return isAccessToken ? tokenNotValid('wrongType', 'access_token_as_refresh') : refreshRefused(reason)
  }

  /** What is to be presented for a token: one that the project itself issued is swapped for one of ours. */
  async function present(text: string): Promise<string> {
    if (!looksLikeOldToken(text)) return text
    const swapped = await swap.swap(text, await openClient())
    if (swapped.outcome === 'refused') throw refreshRefused(swapped.reason)
    return swapped.outcome === 'swapped' ? swapped.refreshToken : text
  }

  /** The same for a logout; undefined where that was all there was to do. */
  async function presentLast(text: string, client: Client): Promise<string | undefined> {
    if (!looksLikeOldToken(text)) return text
    const ended = await swap.end(text, client)
    if (ended.outcome === 'swapped') return ended.refreshToken
    if (ended.outcome === 'foreign') return text
    if (ended.reason === ENDED) return undefined
    throw refreshRefused(ended.reason)
  }

  async function checkAccessToken(text: string): Promise<void> {
    const { token, isExpired, isBeforeRevocation } = await accessTokens.read(text)
    if (!token || isBeforeRevocation) throw tokenNotValid('invalid', 'access_token_invalid')
    if (isExpired) throw tokenNotValid('expired', 'access_token_expired')
    if (!(await standing.stands(basisOf(token)))) throw tokenNotValid('blacklisted', 'access_token_ended')
  }

  return {
    async refresh(ctx, refresh) {
      const presented = await present(refresh)
      try {
        return await request(ctx, { grant_type: 'refresh_token', refresh_token: presented })
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error
        throw doorClosed(error) ?? (await refused(refresh, error.reason))
      }
    },

    async verify(token) {
      const client = await openClient()
      if (!token.startsWith('rt1.')) return checkAccessToken(token)
      const state = await readRefreshState(token, client)
      if (state.outcome !== 'live') throw stateRefused(state)
    },

    async blacklist(given) {
      const client = await openClient()
      const refresh = await presentLast(given, client)
      if (refresh === undefined) return
      const state = await readRefreshState(refresh, client)
      if (state.outcome === 'live' || state.outcome === 'spent') await revoke(refresh, client)
      if (state.outcome !== 'live') throw await refused(refresh, state.reason)
    },
  }
}

import type { Context } from 'koa'
import type { Client } from '../../../clients/client.ts'
import { DJANGO_CLIENT_ID } from '../../../clients/django-client.ts'
import type { AnswerTokenRequest } from '../../../grants/token-request.ts'
import { OAuthError } from '../../../oauth/errors.ts'
import { makeForm } from '../../../oauth/form.ts'
import type { Metrics } from '../../../telemetry/metrics.ts'
import type { Standstill } from '../../../telemetry/standstill.ts'
import type { AccessTokens } from '../../../tokens/access-token.ts'
import type { TokenResponse } from '../../../tokens/issuer.ts'
import type { ReadRefreshState } from '../../../tokens/refresh-state.ts'
import type { Revoke } from '../../../tokens/revocation.ts'
import { basisOf, type TokenStanding } from '../../../tokens/token-standing.ts'
import type { Endpoints } from '../../routes.ts'
import { staleness } from '../../staleness.ts'
import { textFields } from '../fields.ts'
import { readFields } from '../read-body.ts'
import { doorClosed, loginRefused, refreshRefused, stateRefused, tokenNotValid } from './refusals.ts'

/** What simplejwt's endpoints are translated into. */
export interface SimplejwtParts {
  readonly answer: AnswerTokenRequest
  readonly readRefreshState: ReadRefreshState
  readonly revoke: Revoke
  readonly accessTokens: AccessTokens
  readonly standing: TokenStanding
  /** The client of the door. @throws DjangoError 404 while it is disabled */
  readonly openClient: () => Promise<Client>
  readonly standstill: Standstill
  readonly metrics: Metrics
}

/**
 * POST /api/token/, /api/token/refresh/, /api/token/verify/ and /api/token/blacklist/ as djangorestframework-simplejwt
 * has them from 5.5 on. A translation: the tokens are those of the token endpoint, for the client `django`. None of them
 * looks at the Authorization header.
 */
export function simplejwtEndpoints(parts: SimplejwtParts) {
  const { readRefreshState, revoke, accessTokens, standing, openClient } = parts

  async function request(ctx: Context, parameters: Record<string, string>): Promise<TokenResponse> {
    const form = makeForm({ ...parameters, client_id: DJANGO_CLIENT_ID })
    const { response, grant } = await parts.answer('', form, staleness(ctx, parts.standstill))
    parts.metrics.tokens.inc({ grant })
    ctx.state['grant'] = grant
    return response
  }

  /** An access token where a refresh token belongs has a message of its own. */
  async function refused(text: string, reason: string): Promise<Error> {
    const isAccessToken =
      reason === 'refresh_token_malformed' && (await accessTokens.verify(text)) !== undefined
    return isAccessToken ? tokenNotValid('wrongType', 'access_token_as_refresh') : refreshRefused(reason)
  }

  async function checkAccessToken(text: string): Promise<void> {
    const { token, isExpired, isBeforeRevocation } = await accessTokens.read(text)
    if (!token || isBeforeRevocation) throw tokenNotValid('invalid', 'access_token_invalid')
    if (isExpired) throw tokenNotValid('expired', 'access_token_expired')
    if (!(await standing.stands(basisOf(token)))) throw tokenNotValid('blacklisted', 'access_token_ended')
  }

  return {
    async djangoTokenPair(ctx) {
      const { username, password } = textFields(await readFields(ctx), { username: {}, password: {} })
      try {
        const { access_token, refresh_token } = await request(ctx, {
          grant_type: 'password',
          username,
          password,
        })
        ctx.body = { refresh: refresh_token, access: access_token }
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error
        throw doorClosed(error) ?? loginRefused(error)
      }
    },

    async djangoTokenRefresh(ctx) {
      const { refresh } = textFields(await readFields(ctx), { refresh: {} })
      try {
        const { access_token, refresh_token } = await request(ctx, {
          grant_type: 'refresh_token',
          refresh_token: refresh,
        })
        ctx.body = { access: access_token, refresh: refresh_token }
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error
        throw doorClosed(error) ?? (await refused(refresh, error.reason))
      }
    },

    async djangoTokenVerify(ctx) {
      const { token } = textFields(await readFields(ctx), { token: {} })
      const client = await openClient()
      if (token.startsWith('rt1.')) {
        const state = await readRefreshState(token, client)
        if (state.outcome !== 'live') throw stateRefused(state)
      } else await checkAccessToken(token)
      ctx.body = {}
    },

    /** A spent token is refused as blacklisted, as there; but whoever logs out with one means the session, so it ends. */
    async djangoTokenBlacklist(ctx) {
      const { refresh } = textFields(await readFields(ctx), { refresh: {} })
      const client = await openClient()
      const state = await readRefreshState(refresh, client)
      if (state.outcome === 'live' || state.outcome === 'spent') await revoke(refresh, client)
      if (state.outcome !== 'live') throw await refused(refresh, state.reason)
      ctx.body = {}
    },
  } satisfies Partial<Endpoints>
}

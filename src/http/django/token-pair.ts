import type { Context } from 'koa'
import { DJANGO_CLIENT_ID } from '../../clients/django-client.ts'
import type { AnswerTokenRequest } from '../../grants/token-request.ts'
import { makeForm } from '../../oauth/form.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Standstill } from '../../telemetry/standstill.ts'
import { staleness } from '../staleness.ts'

/** An access token and a refresh token, by Django's names. */
export interface TokenPair {
  readonly access: string
  readonly refresh: string
  /** Of the access token. */
  readonly expiresInSeconds: number
}

/**
 * Has the token endpoint answer a request for the client `django`.
 * @throws OAuthError as the token endpoint does
 */
export type RequestTokenPair = (
  ctx: Context,
  parameters: Readonly<Record<string, string>>,
) => Promise<TokenPair>

/** What a request for tokens passes through. */
export interface TokenPairParts {
  readonly answer: AnswerTokenRequest
  readonly standstill: Standstill
  readonly metrics: Metrics
}

/** Makes the way from a Django-shaped endpoint to the token endpoint: no token rule is anywhere else. */
export function requestTokenPair({ answer, standstill, metrics }: TokenPairParts): RequestTokenPair {
  return async (ctx, parameters) => {
    const form = makeForm({ ...parameters, client_id: DJANGO_CLIENT_ID })
    const { response, grant } = await answer('', form, staleness(ctx, standstill))
    metrics.tokens.inc({ grant })
    ctx.state['grant'] = grant
    return {
      access: response.access_token,
      refresh: response.refresh_token ?? '',
      expiresInSeconds: response.expires_in,
    }
  }
}

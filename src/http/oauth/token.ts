import type { Context } from 'koa'
import type { AnswerTokenRequest } from '../../grants/token-request.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Standstill } from '../../telemetry/standstill.ts'
import { authorizationHeader } from '../credentials.ts'
import { readForm } from '../read-form.ts'
import { staleness } from '../staleness.ts'

/** POST /oauth/token (RFC 6749 §3.2): the door only; the steps are in grants/token-request.ts. */
export function tokenEndpoint(answer: AnswerTokenRequest, standstill: Standstill, metrics: Metrics) {
  return async (ctx: Context): Promise<void> => {
    const stale = staleness(ctx, standstill)
    const form = await readForm(ctx)
    const { response, grant } = await answer(authorizationHeader(ctx.req), form, stale)
    metrics.tokens.inc({ grant })
    ctx.state['grant'] = grant
    ctx.body = response
  }
}

import type { Context } from 'koa'
import { OAuthError } from '../oauth/errors.ts'
import { TooManyRequests } from '../rate-limits/too-many-requests.ts'
import type { Logger } from '../telemetry/logger.ts'
import { currentRequest } from '../telemetry/request-context.ts'
import { Unavailable } from '../unavailable.ts'
import { DJANGO_DETAILS, djangoAnswerOf } from './django/error-answer.ts'
import { isDjango } from './django/view.ts'
import { HttpError } from './http-error.ts'
import { loggedPath } from './request-path.ts'

/** What the door says of an error. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
  /** For log and metric. */
  readonly reason: string
}

/**
 * Turns whatever was thrown into the answer, in the shape of RFC 6749 §5.2 or, at the Django-shaped endpoints, in theirs.
 * The public description and the private reason part here: the reason goes to the log, and an unexpected error shows
 * nothing but the request id.
 */
export function sendError(ctx: Context, error: unknown, logger: Logger): void {
  const oauth = answerOf(error)
  const { status, headers, body, reason } = isDjango(ctx) ? djangoAnswerOf(ctx, error, oauth) : oauth
  ctx.status = status
  ctx.set({ ...headers })
  ctx.body = body
  ctx.state['reason'] = reason
  if (status === 500) logger.error({ err: error, path: loggedPath(ctx.req) }, 'unexpected error')
  else if (error instanceof Unavailable)
    logger.warn({ part: error.part, err: error.cause, path: loggedPath(ctx.req) }, error.message)
}

function answerOf(error: unknown): ErrorAnswer {
  if (error instanceof OAuthError) {
    return {
      status: error.status,
      headers: challenge(error),
      body: { error: error.code, error_description: error.description },
      reason: error.reason,
    }
  }
  if (error instanceof Unavailable) {
    return {
      status: 503,
      headers: { 'retry-after': String(error.retryAfterSeconds) },
      body: { error: 'temporarily_unavailable', error_description: 'try again in a moment' },
      reason: `unavailable_${error.part}`,
    }
  }
  if (error instanceof TooManyRequests) {
    return {
      status: 429,
      headers: { 'retry-after': String(error.retryAfterSeconds) },
      body: { error: 'too_many_requests', error_description: 'wait before the next attempt' },
      reason: `rate_limited_${error.limit}`,
    }
  }
  if (error instanceof HttpError) {
    return {
      status: error.status,
      headers: error.headers,
      body: { error: 'invalid_request', error_description: error.message },
      reason: error.reason,
    }
  }
  return {
    status: 500,
    headers: {},
    body: { error: 'server_error', request_id: currentRequest()?.id ?? '' },
    reason: 'server_error',
  }
}

/** What is said of a request that was not looked at, in the manner of its door. */
export function overloadedBody(isDjango: boolean): ErrorAnswer['body'] {
  return isDjango
    ? { detail: DJANGO_DETAILS[503] }
    : answerOf(new Unavailable('admission', 'overloaded')).body
}

/** RFC 9110 §11.6.1: what would let the caller in. Nothing is said of an error to who presented nothing (RFC 6750 §3.1). */
function challenge({ code, description, reason, scope }: OAuthError): Readonly<Record<string, string>> {
  if (code === 'invalid_client') return { 'www-authenticate': 'Basic realm="keyturn", charset="UTF-8"' }
  if (code !== 'invalid_token' && code !== 'insufficient_scope') return {}
  const error = reason === 'token_missing' ? '' : `, error="${code}", error_description="${description}"`
  return {
    'www-authenticate': `Bearer realm="keyturn"${error}${scope === undefined ? '' : `, scope="${scope}"`}`,
  }
}

import type { Context } from 'koa'
import { TooManyRequests } from '../../rate-limits/too-many-requests.ts'
import type { ErrorAnswer } from '../send-error.ts'
import { DjangoError } from './django-error.ts'

/** What Django REST Framework says where nothing more is known (its exceptions' default details). */
export const DJANGO_DETAILS: Readonly<Record<number, string>> = {
  400: 'Malformed request.',
  401: 'Authentication credentials were not provided.',
  403: 'You do not have permission to perform this action.',
  404: 'Not found.',
  413: 'Request body is too large.',
  415: 'Unsupported media type in request.',
  500: 'A server error occurred.',
  503: 'Service temporarily unavailable, try again later.',
}

/**
 * The answer to an error in the shape of Django REST Framework: `{"detail": …}`, or whatever the view has said itself.
 * @param otherwise what the OAuth endpoints would answer: status, headers and reason are the same
 */
export function djangoAnswerOf(ctx: Context, error: unknown, otherwise: ErrorAnswer): ErrorAnswer {
  if (error instanceof DjangoError) return error
  const { status, headers, reason } = otherwise
  if (error instanceof TooManyRequests) {
    const { retryAfterSeconds: wait } = error
    const detail = `Request was throttled. Expected available in ${wait} second${wait === 1 ? '' : 's'}.`
    return { status, headers, body: { detail }, reason }
  }
  const detail =
    status === 405
      ? `Method "${ctx.method}" not allowed.`
      : (DJANGO_DETAILS[status] ?? 'Request was refused.')
  return { status, headers, body: { detail }, reason }
}

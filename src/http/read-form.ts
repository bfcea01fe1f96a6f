import type { Context } from 'koa'
import { OAuthError } from '../oauth/errors.ts'
import { type Form, parseForm } from '../oauth/form.ts'
import { readBytes } from './read-body.ts'

const MEDIA_TYPE = 'application/x-www-form-urlencoded'
const UTF_8 = /^charset=(utf-8|"utf-8")$/

/**
 * Reads the form of a request (RFC 6749 Appendix B). Parameters in the query are never looked at.
 * @throws OAuthError `invalid_request` for another media type or charset, or a malformed body
 * @throws HttpError 413 over the size limit, 415 for a compressed body
 */
export async function readForm(ctx: Context): Promise<Form> {
  const body = await readBytes(ctx)
  checkMediaType(ctx.get('content-type'))
  return parseForm(body)
}

function checkMediaType(contentType: string): void {
  const [type = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  if (type !== MEDIA_TYPE) {
    throw new OAuthError('invalid_request', `the body must be ${MEDIA_TYPE}`, { reason: 'body_media_type' })
  }
  if (!parameters.every((parameter) => UTF_8.test(parameter) || !parameter.startsWith('charset'))) {
    throw new OAuthError('invalid_request', 'the charset must be UTF-8', { reason: 'body_charset' })
  }
}

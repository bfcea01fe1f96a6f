import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { OAuthError } from '../oauth/errors.ts'
import { type Form, parseForm } from '../oauth/form.ts'
import { HttpError } from './http-error.ts'

/** No OAuth request comes near this. */
const MAX_BYTES = 16 * 1024
const MEDIA_TYPE = 'application/x-www-form-urlencoded'
const UTF_8 = /^charset=(utf-8|"utf-8")$/

/**
 * Reads the form of a request (RFC 6749 Appendix B). Parameters in the query are never looked at.
 * The body is read first: one that has arrived leaves the connection usable, whatever is wrong with it.
 * @throws OAuthError `invalid_request` for another media type or charset, or a malformed body
 * @throws HttpError 413 over the size limit, 415 for a compressed body
 */
export async function readForm(ctx: Context): Promise<Form> {
  const body = await readBody(ctx.req)
  const encoding = ctx.get('content-encoding').toLowerCase()
  if (encoding !== '' && encoding !== 'identity') {
    throw new HttpError(415, 'body_encoding', 'compressed bodies are not read')
  }
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

async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_BYTES) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof HttpError) throw error
    throw new HttpError(400, 'body_cut_off', 'the body was cut off')
  }
  return Buffer.concat(chunks)
}

function tooLarge(): HttpError {
  return new HttpError(413, 'body_too_large', `the body is longer than ${MAX_BYTES} bytes`)
}

import type { Context } from 'koa'
import { parseForm } from '../../oauth/form.ts'
import { readBytes } from '../read-body.ts'
import { DjangoError, invalidRequest } from './django-error.ts'

/** What a request said, before anybody looked at the single fields; of a file only that it is one. */
export type Fields = ReadonlyMap<string, unknown>

/**
 * Reads a body as Django REST Framework's default parsers do: JSON, a form or a multipart form, and nothing at all for an
 * empty object. Files are not read; a field that is one is no string.
 * @throws DjangoError 400 for a malformed body or one that is no object, 415 for another media type; HttpError 413
 */
export async function readFields(ctx: Context): Promise<Fields> {
  const bytes = await readBytes(ctx)
  if (bytes.length === 0) return new Map()
  const contentType = ctx.get('content-type')
  switch (contentType.split(';')[0]?.trim().toLowerCase()) {
    case 'application/json':
      return ofJson(bytes)
    case 'application/x-www-form-urlencoded':
      return ofForm(bytes)
    case 'multipart/form-data':
      return ofMultipart(bytes, contentType)
    default: {
      const detail = `Unsupported media type "${contentType}" in request.`
      throw new DjangoError(415, { detail }, 'body_media_type')
    }
  }
}

function ofJson(bytes: Buffer): Fields {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    throw malformed('JSON', 'the body is not valid JSON')
  }
  if (value === null) throw invalidRequest('No data provided', 'body_null')
  if (typeof value !== 'object' || Array.isArray(value)) {
    const message = `Invalid data. Expected a dictionary, but got ${pythonType(value)}.`
    throw invalidRequest(message, 'body_no_object')
  }
  return new Map(Object.entries(value))
}

/** The name that Python has for a JSON value, which is what Django's message says. */
function pythonType(value: unknown): string {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'string') return 'str'
  if (typeof value === 'boolean') return 'bool'
  return Number.isInteger(value) ? 'int' : 'float'
}

/** Stricter than Django, which repairs what is malformed and takes the last of two values. */
function ofForm(bytes: Buffer): Fields {
  try {
    return parseForm(bytes).entries()
  } catch (cause) {
    throw malformed('Form', 'the body is not form-urlencoded, or a field appears twice', cause)
  }
}

/** By the parser that comes with Node: the platform's, as browsers have it. */
async function ofMultipart(bytes: Buffer, contentType: string): Promise<Fields> {
  try {
    const response = new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } })
    return new Map((await response.formData()).entries())
  } catch (cause) {
    throw malformed('Multipart form', 'the body is malformed', cause)
  }
}

function malformed(kind: string, message: string, cause?: unknown): DjangoError {
  const error = new DjangoError(400, { detail: `${kind} parse error - ${message}` }, 'body_malformed')
  error.cause = cause
  return error
}

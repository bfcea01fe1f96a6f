import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { HttpError } from './http-error.ts'

/** No request of ours comes near this. */
const MAX_BYTES = 16 * 1024

/**
 * Reads the bytes of a body. It is read before anything is said of it: one that has arrived leaves the connection usable.
 * @throws HttpError 413 over the size limit, 415 for a compressed body, 400 for one that was cut off
 */
export async function readBytes(ctx: Context): Promise<Buffer> {
  const body = await collect(ctx.req)
  const encoding = ctx.get('content-encoding').toLowerCase()
  if (encoding !== '' && encoding !== 'identity') {
    throw new HttpError(415, 'body_encoding', 'compressed bodies are not read')
  }
  return body
}

async function collect(request: IncomingMessage): Promise<Buffer> {
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

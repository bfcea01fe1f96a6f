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

/** By events: an iterator over the stream would cost each request as much as the form is worth. */
function collect(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const cutOff = () => {
      if (!request.readableEnded) reject(new HttpError(400, 'body_cut_off', 'the body was cut off'))
    }
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= MAX_BYTES) chunks.push(chunk)
      else reject(tooLarge())
    })
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
    request.on('error', cutOff)
    request.on('close', cutOff)
  })
}

function tooLarge(): HttpError {
  return new HttpError(413, 'body_too_large', `the body is longer than ${MAX_BYTES} bytes`)
}

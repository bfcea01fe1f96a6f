import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { withRequest } from '../telemetry/request-context.ts'
import { securityHeaders } from './security-headers.ts'

/** What Node's parser says, and what it means; anything else is 400 `malformed`. */
const PROBLEMS: Readonly<Record<string, { status: number; reason: string; message: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: 'headers_too_large',
    message: 'the request line and headers are too long',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    reason: 'chunk_extensions_too_large',
    message: 'the chunk extensions are too long',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: 'request_timeout',
    message: 'the request took too long to arrive',
  },
}
const MALFORMED = { status: 400, reason: 'malformed', message: 'that is not an HTTP request' }

/**
 * Makes the listener for `clientError`: answers what is no readable HTTP request in the shape of every other error,
 * notes it, and closes the connection, since nobody knows where a next request would begin.
 */
export function answerMalformed(parts: { isHttps: boolean; logger: Logger; metrics: Metrics }) {
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    // The peer has gone: there is nobody to tell.
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const { status, reason, message } = PROBLEMS[error.code ?? ''] ?? MALFORMED
    const address = (socket instanceof Socket && socket.remoteAddress) || ''
    const id = randomUUID()
    withRequest({ id, address }, () => {
      parts.metrics.requests.inc({ route: 'none', status, reason })
      parts.logger.info({ status, address, reason, parser: error.code }, 'refused')
    })
    const body = JSON.stringify({ error: 'invalid_request', error_description: message })
    const headers = {
      ...securityHeaders(parts.isHttps),
      'x-request-id': id,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`
    socket.end(head + body, () => socket.destroy())
  }
}

import type { IncomingMessage } from 'node:http'
import { HttpError } from './http-error.ts'

/** Node would drop what is beyond its own limit without a word, and with it perhaps the one that matters. */
const MAX_HEADERS = 100
/** RFC 9110 §5.3: a second one is a mistake. Node keeps the first without a word; a proxy may have gone by the last. */
const SINGLE_HEADERS = ['host', 'content-type']
/** RFC 9110 §7.2, with the names that exist: no user part, no path. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._~-]*)(:\d*)?$/i

/**
 * Refuses what Node's parser lets through although two programs on the way may read it differently. Who we are comes
 * from the configuration alone: neither `Host` nor an absolute target is ever believed, they only must be well formed.
 * @throws HttpError
 */
export function checkRequest(request: IncomingMessage): void {
  if (request.httpVersionMajor !== 1) throw refused(400, 'http_version', 'the protocol must be HTTP/1.1')
  checkTarget(request.url ?? '')
  checkHeaders(request)
}

/** RFC 9112 §3.2.1: a path. What a proxy is sent (§3.2.2) and a fragment would be second spellings of our paths. */
function checkTarget(target: string): void {
  if (target === '*')
    throw refused(405, 'target_asterisk', 'name a path', { allow: 'GET, HEAD, POST, DELETE, OPTIONS' })
  if (!target.startsWith('/') || target.includes('#')) {
    throw refused(400, 'target_form', 'the request target must be a path')
  }
}

function checkHeaders({ rawHeaders, headers, httpVersionMinor }: IncomingMessage): void {
  if (rawHeaders.length > 2 * MAX_HEADERS)
    throw refused(431, 'too_many_headers', `more than ${MAX_HEADERS} headers`)
  for (const single of SINGLE_HEADERS) {
    if (headers[single] !== undefined && countOf(single, rawHeaders) > 1)
      throw refused(400, 'header_twice', 'a header appears more than once')
  }

  const { host, expect, 'transfer-encoding': coding } = headers
  if (host === undefined && httpVersionMinor > 0) throw refused(400, 'host_missing', 'the Host is missing')
  if (host !== undefined && !HOST.test(host)) throw refused(400, 'host_malformed', 'the Host is malformed')
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw refused(400, 'transfer_coding', 'the only transfer coding is chunked')
  }
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw refused(417, 'expectation', 'only 100-continue can be expected')
  }
}

/** How often a header was sent: Node's own table shows one of several. */
export function countOf(header: string, rawHeaders: readonly string[]): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === header.length && name.toLowerCase() === header) count++
  }
  return count
}

function refused(status: number, reason: string, message: string, headers?: Record<string, string>) {
  return new HttpError(status, reason, message, headers)
}

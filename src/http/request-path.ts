import type { IncomingMessage } from 'node:http'

const MAX_LENGTH = 200
/** No segment of our paths is near this long; a token or a secret that was put into a URL is longer. */
const LONG_SEGMENT = /[^/]{32,}/g

/**
 * The path of a request for the log, as it was written: without the query, and without anything that could be a secret;
 * `-` for a target that is no path (an absolute one may carry a password). The parser lets only printable ASCII through.
 */
export function loggedPath(request: IncomingMessage): string {
  const [path = ''] = (request.url ?? '').split(/[?#]/, 1)
  if (!path.startsWith('/')) return '-'
  return path.slice(0, 2000).replace(LONG_SEGMENT, '…').slice(0, MAX_LENGTH)
}

import type { IncomingMessage } from 'node:http'

/** Real ones are half as long; a session keeps it. */
const MAX_LENGTH = 512
const UNPRINTABLE = /[^\x20-\x7e]/g

/** What the client calls itself (RFC 9110 §10.1.5), for people: printable ASCII, cut; undefined where it says nothing. */
export function userAgent(request: IncomingMessage): string | undefined {
  const text = request.headers['user-agent']?.slice(0, MAX_LENGTH).replace(UNPRINTABLE, '?').trim()
  return text === '' ? undefined : text
}

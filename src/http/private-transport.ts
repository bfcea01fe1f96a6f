import type { IncomingMessage } from 'node:http'
import { type IsTrustedProxy, plainAddress } from './trusted-proxies.ts'

/** Tells whether nobody on the way could read a request. */
export type IsPrivateTransport = (request: IncomingMessage) => boolean

/** What a proxy adds; who adds one without being trusted is a proxy that nobody told us of. */
const FORWARDED = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
]

/**
 * Makes the look whether a request came over HTTPS, which ends at a trusted proxy that says so (the last entry of
 * `X-Forwarded-Proto`), or from this machine itself. We speak plain HTTP only; there is no other way to know.
 */
export function privateTransport(isTrusted: IsTrustedProxy): IsPrivateTransport {
  return ({ headers, socket }) => {
    const peer = plainAddress(socket.remoteAddress ?? '')
    if (isTrusted(peer)) {
      const protocols = [headers['x-forwarded-proto'] ?? []].flat().join(',').split(',')
      return protocols.at(-1)?.trim().toLowerCase() === 'https'
    }
    const isLocal = peer === '::1' || peer.startsWith('127.')
    return isLocal && FORWARDED.every((name) => headers[name] === undefined)
  }
}

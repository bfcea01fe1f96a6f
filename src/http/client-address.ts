import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { type IsTrustedProxy, plainAddress } from './trusted-proxies.ts'

/** Tells where a request came from. */
export type ClientAddress = (request: IncomingMessage) => string

/**
 * Makes the look-up of a request's address. `X-Forwarded-For` counts only where the peer is a trusted proxy, and then
 * its last entry that is not one itself (without a port: `192.0.2.1`); from anybody else it is what it is, a claim.
 */
export function clientAddress(isTrusted: IsTrustedProxy): ClientAddress {
  return (request) => {
    const peer = plainAddress(request.socket.remoteAddress ?? '')
    if (!isTrusted(peer)) return peer
    const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',')
    const hops = forwarded.split(',').map((hop) => plainAddress(hop.trim()))
    // What stands before the last one that we cannot vouch for may be made up, so a hop that is no address ends it too.
    const last = hops.findLast((hop) => !isTrusted(hop)) ?? ''
    return isIP(last) === 0 ? peer : last
  }
}

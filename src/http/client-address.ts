import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Tells where a request came from. */
export type ClientAddress = (request: IncomingMessage) => string

/**
 * Makes the look-up of a request's address. `X-Forwarded-For` counts only where the peer is a trusted proxy, and then
 * its last entry that is not one itself (without a port: `192.0.2.1`); from anybody else it is what it is, a claim.
 * @param trustedProxies addresses and CIDR ranges, already checked
 */
export function clientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList()
  for (const entry of trustedProxies) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  const isTrusted = (address: string) => {
    return isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }

  return (request) => {
    const peer = plain(request.socket.remoteAddress ?? '')
    if (!isTrusted(peer)) return peer
    const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',')
    const hops = forwarded.split(',').map((hop) => plain(hop.trim()))
    // What stands before the last one that we cannot vouch for may be made up, so a hop that is no address ends it too.
    const last = hops.findLast((hop) => !isTrusted(hop)) ?? ''
    return isIP(last) === 0 ? peer : last
  }
}

/** An IPv4 address that came in over IPv6, as IPv4. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

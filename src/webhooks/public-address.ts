import { promises as dns } from 'node:dns'
import { BlockList, isIP } from 'node:net'

/** Networks that are nobody's on the Internet (RFC 6890). An IPv4 address within IPv6 (::ffff:…) counts as the IPv4 address. */
const PRIVATE: readonly [network: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 96],
  ['64:ff9b::', 96],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
]
const blocked = new BlockList()
for (const [network, prefix] of PRIVATE)
  blocked.addSubnet(network, prefix, isIP(network) === 6 ? 'ipv6' : 'ipv4')

/** Whether an address may be one of the Internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && !blocked.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** Finds the addresses of a host; an address is its own. */
export type Resolve = (host: string) => Promise<readonly string[]>

/**
 * By the resolver that asks name servers itself: `dns.lookup` takes one of the four threads that sign tokens. Names of the
 * machine's own files are not known to it, but `localhost`.
 */
export const resolveHost: Resolve = async (host) => {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) !== 0) return [bare]
  if (bare === 'localhost') return ['127.0.0.1', '::1']
  const found = await Promise.allSettled([dns.resolve4(bare), dns.resolve6(bare)])
  return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
}

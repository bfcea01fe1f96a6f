/**
 * The network that an address is counted as: of IPv6 the first 64 bits, since the rest is as many addresses as one likes; of
 * IPv4 the address itself.
 * @param address as `clientAddress` tells it: IPv4 that came in over IPv6 is IPv4
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [left = '', right] = address.split('::')
  const before = left === '' ? [] : left.split(':')
  const after = right === undefined || right === '' ? [] : right.split(':')
  const zeros = right === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).map(canonicalGroup).join(':')
}

/** Whether it is this machine: a proxy that nobody declared would put everybody into one network. */
export function isOwnMachine(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function canonicalGroup(group: string): string {
  return group.toLowerCase().replace(/^0+(?=.)/, '')
}

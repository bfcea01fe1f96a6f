import { domainToASCII } from 'node:url'

const MAX_LENGTH = 254
/** RFC 5322 §3.2.3 dot-atom: no quotes, no comments, nothing that two parsers could read in two ways. */
const LOCAL = /^[\w!#$%&'*+/=?^`{|}~-]{1,64}(\.[\w!#$%&'*+/=?^`{|}~-]{1,64})*$/
/** RFC 5321 §4.1.2, with a dot at least: mail goes to no host of the internal network. */
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/i

/**
 * An address as mail can be sent to it, its domain in ASCII (RFC 5891).
 * @returns undefined for anything that is not exactly one plain address: stricter than what a user may be called
 */
export function mailableAddress(address: string): string | undefined {
  // `domainToASCII` drops tabs and line ends, as browsers do.
  if (/[\s\p{C}]/u.test(address)) return undefined
  const at = address.lastIndexOf('@')
  const local = address.slice(0, Math.max(at, 0))
  const domain = domainToASCII(address.slice(at + 1))
  if (address.length > MAX_LENGTH || local.length > 64 || !LOCAL.test(local) || !DOMAIN.test(domain)) {
    return undefined
  }
  return `${local}@${domain}`
}

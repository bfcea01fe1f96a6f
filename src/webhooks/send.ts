import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress, type Resolve } from './public-address.ts'

/** A receiver has this long to answer, from the first packet on. */
const TIMEOUT_MS = 10_000

/** What became of an attempt: `gone` where the receiver wants nothing any more (410). */
export type SendOutcome =
  | { readonly outcome: 'delivered' }
  | { readonly outcome: 'failed' | 'gone'; readonly reason: string }

/** Sends one message. Never throws. */
export type SendWebhook = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<SendOutcome>

/**
 * Makes it: one POST, no redirect followed, nothing of the answer read but its status. The address that is connected to is
 * the one that was checked, so that no name can stand for something inside.
 * @param options.allowsPrivate whether receivers may be in private networks
 */
export function makeSendWebhook(options: { resolve: Resolve; allowsPrivate: boolean }): SendWebhook {
  return async (url, headers, body) => {
    const { hostname, protocol } = new URL(url)
    const addresses = await options.resolve(hostname)
    const [address] = options.allowsPrivate ? addresses : addresses.filter(isPublicAddress)
    if (address === undefined) {
      return { outcome: 'failed', reason: addresses.length > 0 ? 'address_private' : 'host_unknown' }
    }
    const request = protocol === 'https:' ? requestHttps : requestHttp
    const bytes = Buffer.from(body)
    return new Promise((resolve) => {
      const sending = request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': String(bytes.length),
          'user-agent': 'Keyturn',
          ...headers,
        },
        lookup: only(address),
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      sending.on('response', (response) => {
        response.destroy()
        resolve(outcomeOf(response.statusCode ?? 0))
      })
      sending.on('error', (error: NodeJS.ErrnoException) => {
        resolve({ outcome: 'failed', reason: error.code ?? error.name })
      })
      sending.end(bytes)
    })
  }
}

function outcomeOf(status: number): SendOutcome {
  if (status >= 200 && status < 300) return { outcome: 'delivered' }
  return { outcome: status === 410 ? 'gone' : 'failed', reason: `status_${status}` }
}

/** Looks every name up as the one address that was found before. */
function only(address: string): LookupFunction {
  const family = isIP(address)
  return (_host, { all }, done) => {
    if (all) done(null, [{ address, family }])
    else done(null, address, family)
  }
}

import { unavailable } from './bearer-error.ts'
import { boundedFetch, type Fetch } from './bounded-fetch.ts'
import { isDue, machineClock, type ResourceClock } from './clock.ts'

const DEFAULT_TIMEOUT_MS = 3000
const MAX_BYTES = 65_536
/** Longer, and a shorter access token lifetime would do better. */
const MAX_CACHE_SECONDS = 60
/** About a megabyte or two. The oldest goes first. */
const MAX_CACHED = 1000

/** What introspection has to be told. */
export interface IntrospectionOptions {
  /** Keyturn's `/oauth/introspect`. */
  readonly endpoint: string
  /** A confidential client that may introspect these tokens: one without grants that has our audience. */
  readonly clientId: string
  readonly clientSecret: string
  /** How long an answer is good for: 0 unless told otherwise, so that each request asks; 60 at most. */
  readonly cacheSeconds?: number
  /** The longest that a question may take. */
  readonly timeoutMs?: number
  readonly fetch?: Fetch
  readonly clock?: ResourceClock
}

/** Asks whether a token is still good. */
export interface Introspection {
  /** @throws BearerError `unavailable` when nobody can say */
  isActive(token: string): Promise<boolean>
}

/** A question under way, and the one that everybody shares who came after it was asked. */
interface Flight {
  readonly answer: Promise<boolean>
  next?: Promise<boolean>
}

/**
 * Makes the question of RFC 7662. Of one token there is one question at a time. Who comes while it is under way does not
 * take its answer, which may be older than a revocation that has been confirmed since: all those share the next one.
 * @throws TypeError for options that cannot work
 */
export function createIntrospection(options: IntrospectionOptions): Introspection {
  const { endpoint, clientId, clientSecret, cacheSeconds = 0 } = options
  if (!URL.canParse(endpoint)) throw new TypeError(`not a URL: ${endpoint}`)
  if (!clientId || !clientSecret) throw new TypeError('clientId and clientSecret are needed')
  if (!(cacheSeconds >= 0 && cacheSeconds <= MAX_CACHE_SECONDS)) {
    throw new TypeError(`cacheSeconds is between 0 and ${MAX_CACHE_SECONDS}`)
  }
  const ask = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init))
  const clock = options.clock ?? machineClock
  const limits = { timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS, maxBytes: MAX_BYTES }
  const headers = {
    accept: 'application/json',
    authorization: `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`,
    'content-type': 'application/x-www-form-urlencoded',
  }
  const flights = new Map<string, Flight>()
  const cached = new Map<string, { readonly isActive: boolean; readonly at: Date }>()

  return {
    async isActive(token) {
      const known = cached.get(token)
      if (known && !isDue(cacheSeconds, known.at, clock)) return known.isActive
      const flight = flights.get(token)
      if (!flight) return depart(token)
      const again = () => depart(token)
      flight.next ??= flight.answer.then(again, again)
      return flight.next
    },
  }

  function depart(token: string): Promise<boolean> {
    const flight: Flight = { answer: question(token) }
    flights.set(token, flight)
    const land = () => {
      if (flights.get(token) === flight && flight.next === undefined) flights.delete(token)
    }
    flight.answer.then(land, land)
    return flight.answer
  }

  async function question(token: string): Promise<boolean> {
    const askedAt = clock.now()
    const body = `token=${formEncoded(token)}&token_type_hint=access_token`
    try {
      const answer = await boundedFetch(ask, endpoint, { method: 'POST', headers, body }, limits)
      if (answer.status !== 200) throw new Error(`introspection answered ${answer.status}`)
      const isActive: unknown = JSON.parse(answer.text)?.active
      if (typeof isActive !== 'boolean')
        throw new Error('introspection did not say whether the token is active')
      if (cacheSeconds > 0) remember(token, { isActive, at: askedAt })
      return isActive
    } catch (error) {
      throw unavailable('not_introspected', 1, error)
    }
  }

  function remember(token: string, answer: { isActive: boolean; at: Date }): void {
    cached.delete(token)
    cached.set(token, answer)
    const [oldest] = cached.keys()
    if (cached.size > MAX_CACHED && oldest !== undefined) cached.delete(oldest)
  }
}

/** RFC 6749 §2.3.1 and appendix B. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

import { boundedFetch, type Fetch } from './bounded-fetch.ts'
import { type KeySet, type ResourceAlgorithm, readKeySet } from './key-set.ts'

/** Some kilobytes are usual. */
const MAX_BYTES = 65_536
const ACCEPT = 'application/jwk-set+json, application/json'
/** The longest that a set is used without asking again: what Keyturn's key rotation reckons with. */
const LONGEST_FRESH_SECONDS = 600
/** The least time between two questions, however many tokens name keys that nobody knows. */
export const COOLDOWN_SECONDS = 30
/** Where the answer does not say. */
const DEFAULT_FRESH_SECONDS = 300

/** A set as it came, and for how long it need not be asked for again. */
export interface FetchedKeys {
  readonly keys: KeySet
  readonly etag: string | undefined
  readonly freshSeconds: number
}

/** Asks for the keys once. */
export type FetchKeys = (last: FetchedKeys | undefined) => Promise<FetchedKeys>

/** Makes the function that asks. It throws whatever is wrong: what it returns is a whole set that can be used. */
export function fetchKeysFrom(
  url: string,
  options: {
    readonly fetch: Fetch
    readonly timeoutMs: number
    readonly algorithms: readonly ResourceAlgorithm[]
  },
): FetchKeys {
  return async (last) => {
    const headers = { accept: ACCEPT, ...(last?.etag !== undefined && { 'if-none-match': last.etag }) }
    const limits = { timeoutMs: options.timeoutMs, maxBytes: MAX_BYTES }
    const answer = await boundedFetch(options.fetch, url, { headers }, limits)
    const freshSeconds = freshSecondsOf(answer.headers)
    if (answer.status === 304 && last?.etag !== undefined) return { ...last, freshSeconds }
    if (answer.status !== 200) throw new Error(`the key endpoint answered ${answer.status}`)
    const keys = await readKeySet(answer.text, options.algorithms)
    return { keys, etag: answer.headers.get('etag') ?? undefined, freshSeconds }
  }
}

/** `max-age`, less what a cache on the way has used of it (RFC 9111 §4.2), within our bounds. */
function freshSecondsOf(headers: Headers): number {
  const control = headers.get('cache-control') ?? ''
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,9})(?:$|[\s,"])/i.exec(control)?.[1]
  const age = /^\d{1,9}$/.exec(headers.get('age')?.trim() ?? '')?.[0] ?? 0
  const said = maxAge === undefined ? DEFAULT_FRESH_SECONDS : Number(maxAge) - Number(age)
  return Math.min(LONGEST_FRESH_SECONDS, Math.max(COOLDOWN_SECONDS, said))
}

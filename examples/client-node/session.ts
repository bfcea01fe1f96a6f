/** What a client keeps of its session. Moments are milliseconds on its own clock. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
  /** From here on the access token is replaced, though it still works … */
  readonly refreshAt: number
  /** … until here. */
  readonly expiresAt: number
}

/** Where the tokens are kept: one place for all who use the session. What `save` has done, a crash must not undo. */
export interface TokenStore {
  load(): Promise<Tokens | undefined>
  save(tokens: Tokens): Promise<void>
  clear(): Promise<void>
}

export interface SessionOptions {
  readonly tokenEndpoint: string
  readonly clientId: string
  readonly clientSecret?: string
  readonly store: TokenStore
  /** Lets one caller at a time in, of all tabs or processes that share the store (docs/clients.md). */
  readonly exclusive?: (run: () => Promise<Tokens>) => Promise<Tokens>
  /** How long one request may take: well below the server's retry window of 60 s, so that the next is within it. */
  readonly timeoutMs?: number
  /** How long a caller waits for a server that cannot be reached. The session outlives it. */
  readonly patienceMs?: number
  readonly fetch?: typeof fetch
  readonly now?: () => number
  readonly wait?: (milliseconds: number) => Promise<void>
}

/** The server has said that the session is over: sign in again. Nothing else is a reason to. */
export class SessionEnded extends Error {}
/** No new token now. The session goes on: call again later. */
export class Unavailable extends Error {}

/** Reads the answer to a login or refresh that was sent at a moment. Refresh at 75 to 80 % of the lifetime, not all at once. */
export function tokensFrom(answer: Record<string, unknown>, sentAt: number): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = answer
  if (typeof accessToken !== 'string' || typeof refreshToken !== 'string' || typeof seconds !== 'number') {
    throw new Error('this is no answer of a token endpoint')
  }
  const lifetime = seconds * 1000
  const refreshAt = sentAt + lifetime * (0.75 + 0.05 * Math.random())
  return { accessToken, refreshToken, refreshAt, expiresAt: sentAt + lifetime }
}

/** Opens the stored session, also after a crash. Whoever needs an access token asks it, each time. */
export async function openSession(options: SessionOptions) {
  const { store, exclusive = (run) => run(), timeoutMs = 10_000, patienceMs = 60_000 } = options
  const { fetch: send = fetch, now = Date.now, wait = sleep } = options
  let current = await store.load()
  let rejected: string | undefined
  let refreshing: Promise<Tokens> | undefined
  let notBefore = 0
  let pauseMs = 0

  const isGood = (tokens: Tokens, until: number) => tokens.accessToken !== rejected && now() < until

  /** Presents the stored refresh token, the same one until it is known what became of it. */
  async function refresh(): Promise<Tokens> {
    current = await store.load() // Another tab or process may have been faster.
    if (!current) throw new SessionEnded('nobody is signed in')
    if (isGood(current, current.refreshAt)) return current
    const deadline = now() + patienceMs
    for (let attempt = 0; ; attempt++) {
      const pause = Math.max(0, Math.min(notBefore - now(), pauseMs)) // The clock may have been set back.
      if (now() + pause > deadline) throw new Unavailable('the server cannot be reached')
      await wait(pause)
      const answer = await ask(current.refreshToken, attempt)
      if (typeof answer === 'object') {
        current = answer
        return answer
      }
      if (answer === '400 invalid_grant') {
        current = undefined
        await store.clear()
        throw new SessionEnded('sign in again')
      }
      if (answer) throw new Unavailable(`the server refuses this client: ${answer}`)
    }
  }

  /** One request: new tokens, kept before anybody uses them; a refusal; or, whatever else happens, nothing. */
  async function ask(refreshToken: string, attempt: number): Promise<Tokens | string | undefined> {
    const { tokenEndpoint, clientId, clientSecret } = options
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId }
    const basic = { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` }
    const sentAt = now()
    let retryAfter: string | null = null
    try {
      const response = await send(tokenEndpoint, {
        method: 'POST',
        headers: clientSecret === undefined ? {} : basic,
        body: new URLSearchParams(form),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      retryAfter = response.headers.get('retry-after')
      const body = (await response.json()) as Record<string, unknown>
      if (response.ok) {
        const tokens = tokensFrom(body, sentAt)
        await store.save(tokens)
        return tokens
      }
      const isForNow = response.status >= 500 || [408, 425, 429].includes(response.status)
      if (!isForNow && typeof body['error'] === 'string') return `${response.status} ${body['error']}`
    } catch {} // No answer, half of one, one that is not the server's, or a full disk: nobody knows, so ask again.
    const asked = Number(retryAfter) * 1000 || Date.parse(retryAfter ?? '') - now() || 0
    const backoff = Math.min(8_000, 250 * 2 ** attempt) * (0.5 + Math.random() / 2)
    pauseMs = Math.max(0, asked) + backoff
    notBefore = now() + pauseMs
    return undefined
  }

  return {
    /**
     * @param refused a token that an API has answered with 401, if it has: replaced once, however many callers say so
     * @throws SessionEnded or Unavailable
     */
    async accessToken(refused?: string): Promise<string> {
      rejected = refused ?? rejected
      if (current && isGood(current, current.refreshAt)) return current.accessToken
      refreshing ??= exclusive(refresh).finally(() => {
        refreshing = undefined
      })
      if (!current || !isGood(current, current.expiresAt)) return (await refreshing).accessToken
      refreshing.catch(() => {}) // The next caller tries again; this one has a token that works.
      return current.accessToken
    },
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

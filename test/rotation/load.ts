import type { RegisteredClient } from '../faults/door.ts'
import type { Seeds } from '../faults/seeds.ts'

/** Clients that go on getting access tokens. */
export interface Load {
  /** Asked so far, and how many of these got no token: told to come again, or not answered. */
  counts(): { asked: number; refused: number; unanswered: number }
  /** Answers that no valid request should get. */
  readonly wrong: readonly string[]
  stop(): Promise<void>
}

const TICK_MS = 10
/** Enough that none is asked for a token again while its last request is on its way. */
const SESSIONS = 24
const TIMEOUT_MS = 10_000

/**
 * Asks for access tokens at a fixed rate, whether or not the earlier requests have been answered: every second one by
 * client credentials, the others by refreshing a session.
 * @param onToken is given each access token
 */
export async function startLoad({
  origin,
  seeds,
  clients,
  perSecond,
  onToken,
}: {
  origin: string
  seeds: Seeds
  clients: readonly RegisteredClient[]
  perSecond: number
  onToken: (token: string) => void
}): Promise<Load> {
  const counts = { asked: 0, refused: 0, unanswered: 0 }
  const wrong: string[] = []
  const inFlight = new Set<Promise<void>>()
  const sessions: { client: RegisteredClient; refreshToken: string; isBusy: boolean }[] = []
  for (let index = 0; index < SESSIONS; index++) sessions.push({ ...(await seeds.begin()), isBusy: false })
  const confidential = clients.find(({ secret }) => secret !== undefined)
  if (!confidential) throw new Error('no confidential client is registered')

  async function ask(client: RegisteredClient, form: Record<string, string>): Promise<string | undefined> {
    counts.asked++
    const { id, secret } = client
    const basic = Buffer.from(`${id}:${secret}`).toString('base64')
    try {
      const response = await fetch(`${origin}/oauth/token`, {
        method: 'POST',
        headers: secret === undefined ? {} : { authorization: `Basic ${basic}` },
        body: new URLSearchParams(secret === undefined ? { ...form, client_id: id } : form),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const body = (await response.json()) as { access_token?: string; refresh_token?: string }
      if (response.status === 200 && body.access_token !== undefined) {
        onToken(body.access_token)
        return body.refresh_token
      }
      if (response.status === 503 || response.status === 429) counts.refused++
      else wrong.push(`${response.status} ${JSON.stringify(body)}`)
    } catch {
      counts.unanswered++ // not answered, or by a balancer that had nobody to ask
    }
    return undefined
  }

  async function refresh(turn: number): Promise<void> {
    const session = sessions[turn % sessions.length]
    if (!session || session.isBusy) return
    session.isBusy = true
    const form = { grant_type: 'refresh_token', refresh_token: session.refreshToken }
    session.refreshToken = (await ask(session.client, form)) ?? session.refreshToken
    session.isBusy = false
  }

  const started = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1000) * perSecond
    for (; sent < due; sent++) {
      const request =
        sent % 2 === 0
          ? ask(confidential, { grant_type: 'client_credentials', scope: 'read' }).then(() => {})
          : refresh((sent - 1) / 2)
      const done = request.finally(() => inFlight.delete(done))
      inFlight.add(done)
    }
  }, TICK_MS)

  return {
    wrong,
    counts: () => ({ ...counts }),
    async stop() {
      clearInterval(timer)
      await Promise.allSettled(inFlight)
    },
  }
}

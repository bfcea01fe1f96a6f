import type { Clock } from '../clock.ts'
import type { Limiter } from '../rate-limits/limiter.ts'
import { isOwnMachine, networkOf } from '../rate-limits/network.ts'
import { TooManyRequests } from '../rate-limits/too-many-requests.ts'
import { type AuthenticatedClient, authenticateClient, type ClientCredentials } from './authentication.ts'
import type { ClientWithSecrets } from './client.ts'

/**
 * `authenticateClient`, and slower for who guesses at the secret of a client. Requests that are well pay nothing for it.
 * @throws TooManyRequests where that client has failed too often from there; OAuthError `invalid_client`
 */
export type AuthenticateClient = (
  credentials: ClientCredentials,
  found: ClientWithSecrets | undefined,
) => AuthenticatedClient | Promise<AuthenticatedClient>

/** Networks that wait, remembered; beyond that all are forgotten, and asked for anew. */
const REMEMBERED = 10_000

/**
 * Makes it. Failures are counted by client and network together, so that nobody can shut a client out from elsewhere (S-038); who
 * has to wait is remembered, and costs no store.
 */
export function countingFailures(parts: {
  limiter: Limiter
  address: () => string | undefined
  clock: Clock
}): AuthenticateClient {
  const { limiter, clock } = parts
  const blockedUntil = new Map<string, number>()

  function subjectOf(clientId: string): string | undefined {
    const address = parts.address() ?? ''
    return address === '' || isOwnMachine(address)
      ? undefined
      : `${clientId.slice(0, 64)} ${networkOf(address)}`
  }

  function checkWait(subject: string): void {
    const until = blockedUntil.get(subject)
    if (until === undefined) return
    const waitMs = until - clock.now().getTime()
    if (waitMs > 0) throw new TooManyRequests('client_network', waitMs)
    blockedUntil.delete(subject)
  }

  /** @throws TooManyRequests instead of the refusal, where there were too many */
  async function noteFailure(subject: string): Promise<void> {
    try {
      await limiter.take([{ limit: 'client_network', of: subject }])
    } catch (error) {
      // A limit that cannot be asked is no reason to say anything else of a secret that is wrong.
      if (!(error instanceof TooManyRequests)) return
      if (blockedUntil.size >= REMEMBERED) blockedUntil.clear()
      blockedUntil.set(subject, clock.now().getTime() + error.retryAfterSeconds * 1000)
      throw error
    }
  }

  return (credentials, found) => {
    const subject = subjectOf(credentials.clientId)
    if (subject !== undefined) checkWait(subject)
    try {
      return authenticateClient(credentials, found)
    } catch (error) {
      if (subject === undefined) throw error
      return noteFailure(subject).then(() => {
        throw error
      })
    }
  }
}

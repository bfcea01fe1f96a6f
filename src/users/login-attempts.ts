import type { Limiter, Subject, Taken } from '../rate-limits/limiter.ts'
import { isOwnMachine, networkOf } from '../rate-limits/network.ts'
import { TooManyRequests } from '../rate-limits/too-many-requests.ts'
import { normalizeIdentifier } from './identifier.ts'

/**
 * Counts an attempt to sign in before its password is looked at, so that a thousand at once are a thousand. What turned out
 * right is given back: only failures count.
 * @param userId where the name is somebody's: a username and an address of one user are one account
 * @throws TooManyRequests, whether the password is right or not and the name is anybody's or not; Unavailable
 */
export type BeginLoginAttempt = (identifier: string, userId: string | undefined) => Promise<Taken>

/**
 * Makes the count (reliability catalogue S-105, S-106). Guessing gets slower, by account and network, by network, and by account;
 * nobody is locked out. What others fail at somebody's account does not concern a network from which that user is signed in.
 * @param parts.address of the request, where there is one
 */
export function makeLoginAttempts(parts: {
  limiter: Limiter
  address: () => string | undefined
  isSignedInFrom: (userId: string, network: string) => Promise<boolean>
}): BeginLoginAttempt {
  const { limiter, isSignedInFrom } = parts
  return async (identifier, userId) => {
    const account = userId === undefined ? `name ${normalizeIdentifier(identifier)}` : `user ${userId}`
    const address = parts.address() ?? ''
    const network = address === '' || isOwnMachine(address) ? undefined : networkOf(address)
    const fromNetwork: Subject[] =
      network === undefined
        ? []
        : [
            { limit: 'login_account_network', of: `${account} ${network}` },
            { limit: 'login_network', of: network },
          ]
    try {
      return await limiter.take([...fromNetwork, { limit: 'login_account', of: account }])
    } catch (error) {
      if (!(error instanceof TooManyRequests) || userId === undefined || network === undefined) throw error
      if (!(await isSignedInFrom(userId, network))) throw error
      return limiter.take(fromNetwork)
    }
  }
}

import type { Context } from 'koa'
import { DjangoError } from '../django/django-error.ts'

/** Who a request is from. */
export interface Principal {
  readonly userId: string
  readonly username: string
  /** Null where there is none to speak of. */
  readonly sessionId: string | null
  readonly scope: readonly string[]
  /** Where an authtoken was presented. */
  readonly authtokenId: string | null
  /**
   * Whether it speaks for the user in matters of the account itself, a new password above all: not a key that was made for
   * a program, nor the token of another client that has no scope `account`.
   */
  readonly mayManageAccount: boolean
}

/**
 * One way to show who one is. They are tried in the order of a list, by the rule of Django REST Framework: not attempted
 * (null), and the next one is asked; attempted and failed (a DjangoError is thrown), and the request is refused at once,
 * so that a bad credential never counts as none.
 */
export interface Authenticator {
  /** What stands after `WWW-Authenticate:` where this is the first of the list. */
  readonly challenge: string
  /** @throws DjangoError for what was attempted and failed, Unavailable when that cannot be told */
  authenticate(ctx: Context): Promise<Principal | null>
}

/** Tells who a request is from. The function throws DjangoError 401 where that is nobody. */
export type Authenticate = (ctx: Context) => Promise<Principal>

/** Joins authenticators to one check. Every 401 carries the challenge of the first one, whichever failed. */
export function authenticateByFirst(authenticators: readonly Authenticator[]): Authenticate {
  const challenge = { 'www-authenticate': authenticators[0]?.challenge ?? '' }
  return async (ctx) => {
    for (const authenticator of authenticators) {
      const principal = await authenticator.authenticate(ctx).catch((error) => {
        if (!(error instanceof DjangoError) || error.status !== 401) throw error
        throw new DjangoError(401, error.body, error.reason, challenge)
      })
      if (principal) return principal
    }
    const detail = 'Authentication credentials were not provided.'
    throw new DjangoError(401, { detail }, 'credentials_missing', challenge)
  }
}

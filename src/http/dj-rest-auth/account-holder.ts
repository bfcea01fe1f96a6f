import type { Principal } from '../authenticators/authenticator.ts'
import { DjangoError } from '../django/django-error.ts'

/**
 * Lets through who may change the account itself. What was made to be kept in a program's configuration acts for its user,
 * but does not change who that is, or how they sign in; nor does another client that was not allowed to.
 * @throws DjangoError 403 for an API key, a token that one was exchanged for, and a token without the scope `account`
 */
export function requireAccountHolder(principal: Principal): Principal {
  if (principal.mayManageAccount) return principal
  const detail = 'You do not have permission to perform this action.'
  throw new DjangoError(403, { detail }, 'account_not_allowed')
}

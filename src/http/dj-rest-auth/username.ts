import { Refusal } from '../../refusal.ts'
import { checkChosenUsername } from '../../users/identifier.ts'
import type { User } from '../../users/user.ts'
import { invalidFields } from '../django/django-error.ts'

const INVALID =
  'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'

/** What Django says of a username that somebody has. */
export const USERNAME_TAKEN = 'A user with that username already exists.'

/** What Django says of a username that breaks a rule; of rules that it does not have, ours. */
export function usernameMessage(refusal: Refusal): string {
  if (refusal.code === 'username_invalid') return INVALID
  return `${refusal.message.charAt(0).toUpperCase()}${refusal.message.slice(1)}.`
}

/**
 * Checks the username that a user wants from now on; the one that it has may stay.
 * @throws DjangoError 400
 */
export function requireUsername(username: string, { username: before, email }: User): void {
  if (username === before) return
  try {
    checkChosenUsername(username, email)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw invalidFields({ username: [usernameMessage(error)] }, error.code)
  }
}

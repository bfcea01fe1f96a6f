import { Refusal } from '../../refusal.ts'
import { checkUsername } from '../../users/identifier.ts'
import { invalidFields } from '../django/django-error.ts'

const INVALID =
  'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'

/** What Django says of a username that somebody has. */
export const USERNAME_TAKEN = 'A user with that username already exists.'

/** What Django says of a username that breaks a rule; of rules that it does not have, ours. */
export function usernameMessage(refusal: Refusal): string {
  return refusal.code === 'username_invalid' ? INVALID : refusal.message
}

/** @throws DjangoError 400 for one that nobody can have */
export function requireUsername(username: string): void {
  try {
    checkUsername(username)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw invalidFields({ username: [usernameMessage(error)] }, error.code)
  }
}

import type { User } from '../../users/user.ts'

/** A user as dj-rest-auth shows one. Names that were brought along are in `extra`. */
export function userDetails({ id, username, email, extra }: User): Readonly<Record<string, string>> {
  const text = (name: string) => (typeof extra[name] === 'string' ? extra[name] : '')
  return {
    pk: id,
    username,
    email: email ?? '',
    first_name: text('first_name'),
    last_name: text('last_name'),
  }
}

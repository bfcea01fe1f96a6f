import { Refusal } from '../refusal.ts'

const MAX_BYTES = 254
/** The characters Django allows: letters, marks and digits of any script, and `_ . @ + -`. No spaces, no controls. */
const USERNAME = /^[\p{L}\p{M}\p{N}_.@+-]+$/u
const EMAIL = /^[^\s@\p{C}]+@[^\s@\p{C}]+$/u
/** Scripts whose letters look alike: one name must not mix them (`раypal` with a Cyrillic `а`). */
const LOOKALIKE_SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u]

/**
 * The one normal form of usernames and e-mail addresses: NFKC, then case-folded, so that `ALICE`, `alice` and
 * full-width letters are one account. Used for storing, looking up, and later for limiting: there is no second form.
 * (Upper then lower case folds what lower case alone leaves apart, such as `ß` and `ſ`.)
 */
export function normalizeIdentifier(identifier: string): string {
  return identifier.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}

/**
 * Whether `identifier` can belong to anybody. A login with anything else is refused without asking the store, in the
 * same words as an unknown name.
 */
export function isPossibleIdentifier(identifier: string): boolean {
  return (
    identifier.length > 0 && Buffer.byteLength(identifier, 'utf8') <= MAX_BYTES && !/\p{C}/u.test(identifier)
  )
}

/**
 * Checks a new username.
 * @throws Refusal that says which rule it breaks
 */
export function checkUsername(username: string): void {
  if (!isPossibleIdentifier(username) || !USERNAME.test(username)) {
    throw new Refusal(
      'username_invalid',
      `a username has 1 to ${MAX_BYTES} bytes of letters, digits and _ . @ + - and no spaces`,
    )
  }
  if (LOOKALIKE_SCRIPTS.filter((script) => script.test(username)).length > 1) {
    throw new Refusal(
      'username_mixed',
      'a username must not mix Latin, Cyrillic and Greek letters: they look alike',
    )
  }
}

/**
 * Checks a new e-mail address; blank means none.
 * @returns the address without surrounding space, or null
 * @throws Refusal `email_invalid`
 */
export function checkEmail(email: string | null | undefined): string | null {
  const address = email?.trim() ?? ''
  if (address === '') return null
  if (Buffer.byteLength(address, 'utf8') > MAX_BYTES || !EMAIL.test(address)) {
    throw new Refusal('email_invalid', 'that is not an e-mail address (expected name@domain)')
  }
  return address
}

import { Refusal } from '../refusal.ts'

const MAX_BYTES = 254
/** Characters that are not seen: fillers and selectors that count as letters or marks, too (`alice` and U+FE0F). */
const INVISIBLE = /[\p{C}\p{Default_Ignorable_Code_Point}]/u
/** The characters Django allows: letters, marks and digits of any script, and `_ . @ + -`. No spaces, no controls. */
const USERNAME = /^[\p{L}\p{M}\p{N}_.@+-]+$/u
const EMAIL = /^[^\s@]+@[^\s@]+$/u
const DOTTED_I = /i\u0307+/g
/** Scripts whose letters look alike: one name must not mix them (`раypal` with a Cyrillic `а`). */
const LOOKALIKE_SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u]

/**
 * The one normal form of usernames and e-mail addresses: NFKC, then case-folded, so that `ALICE`, `alice` and
 * full-width letters are one account. Used for storing, looking up, and later for limiting: there is no second form.
 * (Upper case in between folds what lower case alone leaves apart, such as `ß` and `ſ`. `İ` folds to a dotted `i`, which
 * looks like any other.)
 */
export function normalizeIdentifier(identifier: string): string {
  const folded = identifier.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase()
  return folded.replace(DOTTED_I, 'i').normalize('NFKC')
}

/**
 * Whether `identifier` can belong to anybody. A login with anything else is refused without asking the store, in the
 * same words as an unknown name.
 */
export function isPossibleIdentifier(identifier: string): boolean {
  return identifier.length > 0 && isShort(identifier) && !INVISIBLE.test(identifier)
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
 * Checks a username that somebody chooses without an operator. One that is an e-mail address must be the user's own: whoever
 * took another's beforehand would keep its owner from registering.
 * @throws Refusal that says which rule it breaks
 */
export function checkChosenUsername(username: string, email: string | null): void {
  checkUsername(username)
  const isAddress = username.includes('@')
  if (isAddress && (email === null || normalizeIdentifier(username) !== normalizeIdentifier(email))) {
    throw new Refusal(
      'username_foreign_address',
      'a username that is an e-mail address must be the address of the account',
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
  if (!isPossibleIdentifier(address) || !EMAIL.test(address)) {
    throw new Refusal('email_invalid', 'that is not an e-mail address (expected name@domain)')
  }
  return address
}

/** In both forms: a character's normal form can be eleven times as long. */
function isShort(identifier: string): boolean {
  const fits = (form: string) => Buffer.byteLength(form) <= MAX_BYTES
  return fits(identifier) && fits(normalizeIdentifier(identifier))
}

/** The identifiers of a user, each once: what the username and the e-mail address come to in their normal form. */
export function identifiersOf({
  username,
  email,
}: {
  readonly username: string
  readonly email: string | null
}): string[] {
  return [...new Set([username, ...(email === null ? [] : [email])].map(normalizeIdentifier))]
}

import { Refusal } from '../refusal.ts'

/** NIST SP 800-63B-4 §3.1.1.2 and ASVS 6.2.1 ask for at least 8; a longer one is the user's choice. */
export const MIN_CHARACTERS = 8
/** Well above every passphrase (ASVS 6.2.9 asks for 64 characters), and little enough to hash at no extra cost. */
const MAX_BYTES = 1024

/**
 * Whether anybody can have this password at all: 1 to 1024 bytes of UTF-8, without NUL. Asked before hashing, so that a
 * megabyte costs nothing; a password is never cut to fit.
 */
export function isPossiblePassword(password: string): boolean {
  return password !== '' && problemWith(password) === undefined
}

/**
 * Checks a password that somebody wants to set. There are no rules about its composition: they make passwords worse (NIST
 * SP 800-63B-4 §3.1.1.2). It is taken as it is, spaces and all.
 * @throws Refusal that says what to change; it does not show the password
 */
export function checkNewPassword(password: string): void {
  if ([...password].length < MIN_CHARACTERS) {
    throw new Refusal('password_too_short', `the password must have at least ${MIN_CHARACTERS} characters`)
  }
  const problem = problemWith(password)
  if (problem !== undefined) throw problem
}

function problemWith(password: string): Refusal | undefined {
  // A character is at least one byte: counting the bytes of a megabyte is not needed to see that it is too long.
  if (password.length > MAX_BYTES || Buffer.byteLength(password) > MAX_BYTES) {
    return new Refusal('password_too_long', `the password must not be longer than ${MAX_BYTES} bytes`)
  }
  if (password.includes('\0')) {
    return new Refusal('password_has_nul', 'the password must not contain the character NUL')
  }
  // Halves of a character (lone surrogates) have no UTF-8: two different passwords would become the same bytes.
  if (Buffer.from(password).toString() !== password) {
    return new Refusal('password_not_text', 'the password must be valid Unicode text')
  }
  return undefined
}

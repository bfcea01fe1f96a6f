import { Refusal } from '../refusal.ts'
import { isCommonPassword } from './common-passwords.ts'
import { checkNewPassword, MIN_CHARACTERS } from './password-rules.ts'
import { type KnownOfUser, tooSimilarTo } from './too-similar.ts'

/**
 * What is wrong with a password that a user has chosen, in the words and the order of Django's four validators; none where
 * it may be set. An operator who sets one for somebody is asked for less (`checkNewPassword`).
 * @param known what it must not look like
 */
export async function passwordFaults(password: string, known: KnownOfUser): Promise<string[]> {
  const similarTo = tooSimilarTo(password, known)
  const isTooShort = [...password].length < MIN_CHARACTERS
  const faults = [
    similarTo !== undefined && `The password is too similar to the ${similarTo}.`,
    isTooShort && `This password is too short. It must contain at least ${MIN_CHARACTERS} characters.`,
    (await isCommonPassword(password)) && 'This password is too common.',
    /^\p{Nd}+$/u.test(password) && 'This password is entirely numeric.',
    !isTooShort && refusalOf(password),
  ]
  return faults.filter((fault) => typeof fault === 'string')
}

/** What we refuse and Django does not: what is too long for us, and what is no text. */
function refusalOf(password: string): string | false {
  try {
    checkNewPassword(password)
    return false
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`
  }
}

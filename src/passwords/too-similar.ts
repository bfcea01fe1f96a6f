/** What a user is known by. A password that looks like any of it is the first that is guessed. */
export interface KnownOfUser {
  readonly username?: string
  readonly firstName?: string
  readonly lastName?: string
  readonly email?: string | null
}

/** In the order in which Django asks, with the names that it has for them. */
const ATTRIBUTES = [
  ['username', 'username'],
  ['firstName', 'first name'],
  ['lastName', 'last name'],
  ['email', 'email address'],
] as const

/** `max_similarity` of Django's UserAttributeSimilarityValidator. */
const MAX_SIMILARITY = 0.7
/** Python's `\W`. */
const NOT_OF_WORDS = /[^\p{L}\p{N}_]+/u

/**
 * What of the user a password is too similar to, by the rule of Django's `UserAttributeSimilarityValidator`: the parts of
 * each attribute and the whole of it are compared by the characters they have in common.
 * @returns Django's name of the attribute, or undefined
 */
export function tooSimilarTo(password: string, known: KnownOfUser): string | undefined {
  const lower = [...password.toLowerCase()]
  const similar = ATTRIBUTES.find(([attribute]) => {
    const value = known[attribute]?.toLowerCase()
    return value && [...value.split(NOT_OF_WORDS), value].some((part) => areSimilar(lower, [...part]))
  })
  return similar?.[1]
}

function areSimilar(password: readonly string[], part: readonly string[]): boolean {
  // What is ten times as long has little in common with it, and needs no counting.
  if (part.length * 10 <= password.length && part.length < (MAX_SIMILARITY / 2) * password.length)
    return false
  return quickRatio(password, part) >= MAX_SIMILARITY
}

/** `SequenceMatcher.quick_ratio` of Python's difflib: the share of characters that both have, in whatever order. */
function quickRatio(one: readonly string[], other: readonly string[]): number {
  if (one.length + other.length === 0) return 1
  const left = new Map<string, number>()
  for (const character of other) left.set(character, (left.get(character) ?? 0) + 1)
  let matches = 0
  for (const character of one) {
    const count = left.get(character) ?? 0
    if (count > 0) matches++
    left.set(character, count - 1)
  }
  return (2 * matches) / (one.length + other.length)
}

import { type FieldErrors, invalidFields } from './django-error.ts'
import type { Fields } from './read-body.ts'

/** How one text field is read. */
export interface TextField {
  /** White space around it is dropped, unless this says no. */
  readonly trim?: false
  /** It may be missing, null or empty: then it is undefined. */
  readonly optional?: true
  /** Where it is there it may be empty, and that is its value. */
  readonly blank?: true
  /** In characters. */
  readonly maxLength?: number
}

/** What JSON can say and no text can hold. */
const HALF_CHARACTER = /\p{Cs}/u

type Texts<Spec extends Readonly<Record<string, TextField>>> = {
  readonly [Name in keyof Spec]: Spec[Name] extends { optional: true } ? string | undefined : string
}

/**
 * Checks text fields as Django REST Framework's `CharField` does, and names everything that is wrong in one answer.
 * Fields that nobody asked for are ignored; a number counts as its digits.
 * @throws DjangoError 400
 */
export function textFields<Spec extends Readonly<Record<string, TextField>>>(
  fields: Fields,
  spec: Spec,
): Texts<Spec> {
  const errors: Record<string, string[]> = {}
  const texts: Record<string, string | undefined> = {}
  for (const [name, field] of Object.entries(spec)) {
    const read = readText(fields.get(name), fields.has(name), field)
    if ('error' in read) errors[name] = [read.error]
    else texts[name] = read.text
  }
  if (Object.keys(errors).length > 0) throw invalidFields(errors satisfies FieldErrors)
  return texts as Texts<Spec>
}

function readText(
  value: unknown,
  isGiven: boolean,
  { trim, optional, blank, maxLength }: TextField,
): { error: string } | { text: string | undefined } {
  const nothing = { text: undefined }
  if (!isGiven) return optional ? nothing : { error: 'This field is required.' }
  if (value === null) return optional && !blank ? nothing : { error: 'This field may not be null.' }
  if (typeof value !== 'string' && typeof value !== 'number') return { error: 'Not a valid string.' }
  const text = trim === false ? String(value) : String(value).trim()
  if (text === '' && !blank) return optional ? nothing : { error: 'This field may not be blank.' }
  if (HALF_CHARACTER.test(text)) return { error: 'Not a valid string.' }
  if (text.includes('\0')) return { error: 'Null characters are not allowed.' }
  if (maxLength !== undefined && [...text].length > maxLength) {
    return { error: `Ensure this field has no more than ${maxLength} characters.` }
  }
  return { text }
}

/** What Django REST Framework's `BooleanField` takes for yes. */
const YES = new Set(['t', 'y', 'yes', 'true', 'on', '1'])

/** Whether a field says yes; anything else, and nothing, is no. */
export function saysYes(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === 'string' && YES.has(value.toLowerCase()))
}

import { z } from 'zod'
import { Refusal } from '../refusal.ts'

/** PostgreSQL's text and JSON have neither NUL nor half characters. */
const storable = (value: unknown) => !/\\u(0000|d[89a-f])/i.test(JSON.stringify(value))
const STORABLE = 'must be Unicode text without NUL'
const text = z.string().refine(storable, STORABLE)

/** A cell that is empty says nothing. */
function optional<Value>(of: z.ZodType<Value>) {
  return z.preprocess((value) => (value === '' || value === null ? undefined : value), of.optional())
}

/** As JSON, as Python, and as PostgreSQL's COPY write it. */
const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  t: true,
  1: true,
  false: false,
  f: false,
  0: false,
}
const flag = z.unknown().transform((value, context) => {
  const isFlag = FLAGS[String(value).toLowerCase()]
  if (isFlag === undefined) context.addIssue({ code: 'custom', message: 'must be true or false' })
  return isFlag ?? false
})

/** With its offset: a time without one is another moment on another machine. */
const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)$/
const moment = z
  .string()
  .refine((value) => MOMENT.test(value) && !Number.isNaN(Date.parse(value)), 'must be a time with its offset')
  .transform((value) => new Date(value))

const ID = /^([1-9]\d{0,18}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const id = z
  .union([z.string(), z.number().refine(Number.isSafeInteger, 'is too large for a number: write it as text')])
  .transform(String)
  .refine((value) => ID.test(value), 'must be a positive number or a lower-case UUID')

const importedUser = z.strictObject({
  id: optional(id),
  username: text,
  email: optional(text),
  password_hash: optional(text),
  is_active: optional(flag),
  is_staff: optional(flag),
  is_superuser: optional(flag),
  joined_at: optional(moment),
  last_login_at: optional(moment),
  extra: optional(z.record(z.string(), z.unknown()).refine(storable, STORABLE)),
})

/** One user as a file brings it along. */
export type ImportedUser = z.output<typeof importedUser>

/** The columns that a file may have. */
export const IMPORT_COLUMNS: readonly string[] = Object.keys(importedUser.shape)

/**
 * Reads one row.
 * @throws Refusal `row_invalid`; it does not repeat a value
 */
export function readImportedUser(fields: unknown): ImportedUser {
  const checked = importedUser.safeParse(fields)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  throw new Refusal('row_invalid', [issue?.path.join('.'), issue?.message].filter(Boolean).join(': '))
}

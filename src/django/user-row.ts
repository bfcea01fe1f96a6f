import type { DjangoRecord, UserModel } from './record.ts'

/**
 * A Django user as a row of `users import`. The primary key becomes the id, so that every `user_id` that other services keep
 * goes on being right. A first and a last name go to `extra`.
 */
export function userRow({ pk, fields }: DjangoRecord, { usernameField }: UserModel): Record<string, unknown> {
  const names = Object.fromEntries(
    ['first_name', 'last_name'].flatMap((name) => (fields[name] ? [[name, fields[name]]] : [])),
  )
  return {
    id: pk,
    username: fields[usernameField],
    email: fields['email'],
    password_hash: fields['password'],
    is_active: fields['is_active'],
    is_staff: fields['is_staff'],
    is_superuser: fields['is_superuser'],
    joined_at: moment(fields['date_joined']),
    last_login_at: moment(fields['last_login']),
    extra: names,
  }
}

/** A time of Django's. Without an offset (`USE_TZ = False`) it is taken for UTC: the dump does not say which it was. */
function moment(value: unknown): unknown {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+$/.test(value) ? `${value}Z` : value
}

/** As Django and PostgreSQL write a time. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d(:?\d\d)?)$/

/** The same as a text with its offset, or undefined where it is no time. */
export function momentOf(value: unknown): string | undefined {
  const text = moment(value)
  const isTime = typeof text === 'string' && TIME.test(text) && !Number.isNaN(Date.parse(text))
  return isTime ? new Date(text).toISOString() : undefined
}

import { invalidFields } from '../django/django-error.ts'

/** How dj-rest-auth reads the two fields, in characters. */
export const NEW_PASSWORD = { maxLength: 128 } as const

/** With the apostrophe that Django's form has. */
const NO_MATCH = 'The two password fields didn’t match.'

/** @throws DjangoError 400 where the two fields are not the same */
export function samePassword(fields: {
  readonly new_password1: string
  readonly new_password2: string
}): string {
  if (fields.new_password1 === fields.new_password2) return fields.new_password2
  throw invalidFields({ new_password2: [NO_MATCH] }, 'new_passwords_differ')
}

import { mailableAddress } from '../../mail/address.ts'
import { invalidFields } from '../django/django-error.ts'

/** @throws DjangoError 400 for what mail cannot be sent to */
export function requireAddress(email: string): string {
  if (mailableAddress(email) !== undefined) return email
  throw invalidFields({ email: ['Enter a valid email address.'] }, 'email_invalid')
}

import type { Client } from '../../clients/client.ts'
import type { RequestMail } from '../../mail/account-mails.ts'
import type { ResetPassword } from '../../users/password-reset.ts'
import { invalidFields, notFound } from '../django/django-error.ts'
import { textFields } from '../django/fields.ts'
import { readFields } from '../django/read-body.ts'
import type { Endpoints } from '../route-table.ts'
import { requireAddress } from './email-field.ts'
import { NEW_PASSWORD, samePassword } from './new-password.ts'

const INVALID = ['Invalid value']
/** Longer than any token or id of ours, and short. */
const LINK_PART = { maxLength: 512 }
const BASE64URL = /^[A-Za-z0-9_-]+$/

/** What a forgotten password is translated into. */
export interface PasswordResetParts {
  /** Undefined where there is no mail, or no page that a link could lead to. */
  readonly requestPasswordResetMail: RequestMail | undefined
  readonly resetPassword: ResetPassword
  /** @throws DjangoError 404 while the door is closed */
  readonly openClient: () => Promise<Client>
}

/** POST /dj-rest-auth/password/reset/ and …/confirm/. The first says the same of an address that nobody has. */
export function passwordResetEndpoints(parts: PasswordResetParts) {
  const { requestPasswordResetMail: requestMail, resetPassword, openClient } = parts
  return {
    async restAuthPasswordReset(ctx) {
      if (!requestMail) throw notFound('mail_not_configured')
      const { email } = textFields(await readFields(ctx), { email: {} })
      await openClient()
      await requestMail('password_reset', requireAddress(email))
      ctx.body = { detail: 'Password reset e-mail has been sent.' }
    },

    async restAuthPasswordResetConfirm(ctx) {
      const fields = textFields(await readFields(ctx), {
        new_password1: NEW_PASSWORD,
        new_password2: NEW_PASSWORD,
        uid: LINK_PART,
        token: LINK_PART,
      })
      await openClient()
      const { uid, token } = fields
      if (!BASE64URL.test(uid)) throw invalidFields({ uid: INVALID }, 'link_uid_malformed')
      const userId = Buffer.from(uid, 'base64url').toString()
      const newPassword = samePassword(fields)
      const reset = await resetPassword({ userId, token, newPassword })
      switch (reset.outcome) {
        case 'reset':
          ctx.body = { detail: 'Password has been reset with the new password.' }
          return
        case 'link_unknown':
          throw invalidFields({ token: INVALID }, reset.outcome)
        case 'link_of_another':
          throw invalidFields({ uid: INVALID }, reset.outcome)
        case 'refused':
          throw invalidFields({ new_password2: reset.faults }, 'new_password_refused')
      }
    },
  } satisfies Partial<Endpoints>
}

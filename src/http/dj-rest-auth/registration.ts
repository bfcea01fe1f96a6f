import type { RequestMail } from '../../mail/account-mails.ts'
import type { VerifyEmail } from '../../users/email-verification.ts'
import type { Register, RegistrationFaults } from '../../users/registration.ts'
import { invalidFields, invalidRequest, notFound } from '../django/django-error.ts'
import { textFields } from '../django/fields.ts'
import { readFields } from '../django/read-body.ts'
import type { Endpoints } from '../route-table.ts'
import { requireAddress } from './email-field.ts'
import { answerLogin, type RestAuthLoginParts } from './login.ts'
import { USERNAME_TAKEN, usernameMessage } from './username.ts'

const EMAIL_TAKEN = 'User is already registered with this e-mail address.'
/** With the apostrophe that this serializer has. */
const NO_MATCH = "The two password fields didn't match."

/** What a registration is translated into. */
export interface RegistrationParts extends RestAuthLoginParts {
  /** Undefined where nobody may register. */
  readonly register: Register | undefined
  readonly emailVerification: 'none' | 'optional' | 'mandatory'
  /** Undefined where addresses are not verified. */
  readonly requestVerificationMail: RequestMail | undefined
  readonly verifyEmail: VerifyEmail
}

/** POST /dj-rest-auth/registration/, …/verify-email/ and …/resend-email/. */
export function registrationEndpoints(parts: RegistrationParts) {
  const { register, emailVerification, requestVerificationMail: requestMail, verifyEmail, openClient } = parts
  const isMandatory = emailVerification === 'mandatory'
  const answer = answerLogin(parts)

  return {
    async restAuthRegistration(ctx) {
      if (!register) throw notFound('registration_closed')
      const fields = textFields(await readFields(ctx), {
        username: {},
        ...(isMandatory ? { email: {} } : { email: { optional: true } }),
        password1: {},
        password2: {},
      })
      const client = await openClient()
      await parts.transport.checkLogin(ctx)
      const { username, password1: password } = fields
      const email = fields.email === undefined ? null : requireAddress(fields.email)
      if (password !== fields.password2) throw invalidRequest(NO_MATCH, 'new_passwords_differ')
      const registered = await register({ username, email, password })
      if (registered.outcome === 'refused') throw refused(registered.faults)
      const purpose = registered.outcome === 'registered' ? 'verify_email' : 'account_exists'
      if (email !== null) await requestMail?.(purpose, email)
      ctx.body = isMandatory
        ? { detail: 'Verification e-mail sent.' }
        : await answer(ctx, { identifier: username, password, isRemembered: false }, client)
      ctx.status = 201
    },

    async restAuthVerifyEmail(ctx) {
      const { key } = textFields(await readFields(ctx), { key: {} })
      await openClient()
      if (!(await verifyEmail(key))) throw notFound('link_unknown')
      ctx.body = { detail: 'ok' }
    },

    /** Says the same of an address that nobody has, or that is verified. */
    async restAuthResendEmail(ctx) {
      if (!requestMail) throw notFound('email_not_verified_here')
      const { email } = textFields(await readFields(ctx), { email: {} })
      await openClient()
      await requestMail('verify_email', requireAddress(email))
      ctx.body = { detail: 'ok' }
    },
  } satisfies Partial<Endpoints>
}

function refused({ username, email, password }: RegistrationFaults): Error {
  const errors = {
    ...(username && { username: [username === 'taken' ? USERNAME_TAKEN : usernameMessage(username)] }),
    ...(email && { email: [EMAIL_TAKEN] }),
    ...(password && { password1: password }),
  }
  return invalidFields(errors, `registration_${Object.keys(errors).join('_')}_refused`)
}

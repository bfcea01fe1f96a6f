import type { Client } from '../../clients/client.ts'
import type { ChangeOwnPassword } from '../../users/own-password.ts'
import type { Authenticate } from '../authenticators/authenticator.ts'
import { DjangoError, invalidFields } from '../django/django-error.ts'
import { textFields } from '../django/fields.ts'
import { readFields } from '../django/read-body.ts'
import type { Endpoint } from '../route-table.ts'
import { requireAccountHolder } from './account-holder.ts'
import { NEW_PASSWORD, samePassword } from './new-password.ts'

const OLD_WRONG = 'Your old password was entered incorrectly. Please enter it again.'

/** What a change of one's own password is translated into. */
export interface PasswordChangeParts {
  readonly authenticate: Authenticate
  readonly changeOwnPassword: ChangeOwnPassword
  /** Whether the old one must be given (`OLD_PASSWORD_FIELD_ENABLED`). */
  readonly oldPasswordField: boolean
  /** @throws DjangoError 404 while the door is closed */
  readonly openClient: () => Promise<Client>
}

/** POST /dj-rest-auth/password/change/. An old password is checked whenever there is one. */
export function passwordChange(parts: PasswordChangeParts): Endpoint {
  const { authenticate, changeOwnPassword, oldPasswordField, openClient } = parts
  return async (ctx) => {
    await openClient()
    const { userId, sessionId } = requireAccountHolder(await authenticate(ctx))
    const fields = textFields(await readFields(ctx), {
      old_password: oldPasswordField ? NEW_PASSWORD : { ...NEW_PASSWORD, optional: true },
      new_password1: NEW_PASSWORD,
      new_password2: NEW_PASSWORD,
    })
    const newPassword = samePassword(fields)
    const oldPassword = fields.old_password
    const changed = await changeOwnPassword({ userId, oldPassword, newPassword, keptSessionId: sessionId })
    switch (changed.outcome) {
      case 'changed':
        ctx.body = { detail: 'New password has been saved.' }
        return
      case 'old_password_wrong':
        throw invalidFields({ old_password: [OLD_WRONG] }, 'old_password_wrong')
      case 'refused':
        throw invalidFields({ new_password2: changed.faults }, 'new_password_refused')
      case 'user_gone':
        throw new DjangoError(401, { detail: 'User not found', code: 'user_not_found' }, 'user_gone')
    }
  }
}

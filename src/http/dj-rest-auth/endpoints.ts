import type { Client } from '../../clients/client.ts'
import { addSeconds, type Clock } from '../../clock.ts'
import type { Users } from '../../users/users.ts'
import { DjangoError } from '../django/django-error.ts'
import { readFields } from '../django/read-body.ts'
import type { SimplejwtTokens } from '../django/simplejwt/tokens.ts'
import type { Endpoint, Endpoints } from '../route-table.ts'
import { type RestAuthLoginParts, restAuthLogin } from './login.ts'
import { type RestAuthLogoutParts, restAuthLogout } from './logout.ts'
import { type PasswordChangeParts, passwordChange } from './password-change.ts'
import { type PasswordResetParts, passwordResetEndpoints } from './password-reset.ts'
import { type RegistrationParts, registrationEndpoints } from './registration.ts'
import { type RestAuthUserParts, restAuthUser } from './user.ts'

/** What users do for themselves. */
export type AccountParts = Pick<PasswordChangeParts, 'changeOwnPassword'> &
  Omit<PasswordResetParts, 'openClient'> &
  Pick<RegistrationParts, 'register' | 'requestVerificationMail' | 'verifyEmail'>

/** What dj-rest-auth's endpoints are built with. */
export interface RestAuthParts
  extends RestAuthLoginParts,
    RestAuthLogoutParts,
    RestAuthUserParts,
    PasswordChangeParts,
    PasswordResetParts,
    RegistrationParts {
  readonly tokens: SimplejwtTokens
  readonly openClient: () => Promise<Client>
  readonly users: Pick<Users, 'find' | 'findByIdentifier' | 'update'>
  /** simplejwt's, which dj-rest-auth has again. */
  readonly tokenVerify: Endpoint
  readonly clock: Clock
}

/** The endpoints below /dj-rest-auth/ that have to do with signing in, as dj-rest-auth 7 has them. */
export function restAuthEndpoints(parts: RestAuthParts) {
  const { tokens, transport, openClient, clock } = parts
  return {
    restAuthLogin: restAuthLogin(parts),
    restAuthLogout: restAuthLogout(parts),
    ...restAuthUser(parts),
    restAuthPasswordChange: passwordChange(parts),
    ...passwordResetEndpoints(parts),
    ...registrationEndpoints(parts),
    restAuthTokenVerify: parts.tokenVerify,

    async restAuthTokenRefresh(ctx) {
      const fields = await readFields(ctx)
      const client = await openClient()
      const presented = await transport.take(ctx, fields)
      if (presented === undefined) {
        const body = { detail: 'No valid refresh token found.', code: 'token_not_valid' }
        throw new DjangoError(401, body, 'refresh_token_missing')
      }
      const pair = await tokens.refresh(ctx, presented).catch((error) => {
        if (error instanceof DjangoError) transport.forget(ctx)
        throw error
      })
      const accessExpiresAt = addSeconds(clock.now(), pair.expiresInSeconds)
      ctx.body = { ...transport.renew(ctx, pair, client), access_expiration: accessExpiresAt }
    },
  } satisfies Partial<Endpoints>
}

import type { Clock } from '../clock.ts'
import { OAuthError } from '../oauth/errors.ts'
import { chooseAudience } from '../oauth/resource.ts'
import { narrowScope } from '../oauth/scope.ts'
import type { Login } from '../users/login.ts'
import type { Grant } from './grant.ts'

/**
 * RFC 6749 §4.3, which OAuth 2.1 has dropped: here for first-party clients only, and off until a client is given it
 * (docs/spec-divergences.md). The password comes last: a request that is wrong otherwise does not cost a hash.
 */
export function password({ login, issuer, clock }: { login: Login; issuer: string; clock: Clock }): Grant {
  return {
    type: 'password',

    async authorize({ form, client }) {
      if (!client.isFirstParty) {
        throw new OAuthError('unauthorized_client', 'the client may not use this grant', {
          reason: 'not_first_party',
        })
      }
      const username = form.required('username')
      const secret = form.required('password')
      const isRemembered = readRememberMe(form.optional('remember_me'))
      const scope = narrowScope(form.optional('scope'), client.scopes)
      const audience = chooseAudience(form.many('resource'), client.audiences, issuer)

      const outcome = await login(username, secret)
      if (outcome.outcome === 'refused') {
        throw new OAuthError('invalid_grant', 'the username or the password is wrong', {
          reason: outcome.reason,
        })
      }
      return {
        client,
        subject: {
          kind: 'login',
          user: outcome.user,
          login: {
            authenticatedAt: clock.now(),
            authenticationMethods: ['pwd'],
            passwordChangedAt: outcome.passwordChangedAt,
            isRemembered,
          },
        },
        scope,
        audience,
        // Bound to what was granted now (RFC 8707 §2.2); to the issuer by no name, since that may change.
        refreshable: { scope, audience: client.audiences.length > 0 ? audience : [] },
      }
    },
  }
}

/** A parameter of ours: what a form's check box `remember me` says. */
function readRememberMe(value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false
  if (value === 'true') return true
  throw new OAuthError('invalid_request', 'remember_me is true or false', { reason: 'remember_me_invalid' })
}

import type { Context } from 'koa'
import { OAuthError } from '../../oauth/errors.ts'
import type { Introspect } from '../../tokens/introspection.ts'
import type { ReadAuthenticatedForm } from './authenticated-form.ts'

/** POST /oauth/introspect (RFC 7662). Confidential clients only (§2.1): anybody can call itself a public one. */
export function introspectEndpoint(readAuthenticated: ReadAuthenticatedForm, introspect: Introspect) {
  return async (ctx: Context): Promise<void> => {
    const { form, authenticated } = await readAuthenticated(ctx)
    if (!authenticated.client.isConfidential) {
      throw new OAuthError('invalid_client', 'client authentication failed', {
        reason: 'introspection_by_public_client',
      })
    }
    ctx.body = await introspect(form.required('token'), authenticated.client)
  }
}

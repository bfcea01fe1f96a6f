import type { Context } from 'koa'
import type { Revoke } from '../../tokens/revocation.ts'
import type { ReadAuthenticatedForm } from './authenticated-form.ts'

/** POST /oauth/revoke (RFC 7009). 200 for anything that is not the caller's live token, too: no oracle. */
export function revokeEndpoint(readAuthenticated: ReadAuthenticatedForm, revoke: Revoke) {
  return async (ctx: Context): Promise<void> => {
    const { form, authenticated } = await readAuthenticated(ctx)
    await revoke(form.required('token'), authenticated.client)
    ctx.body = {}
  }
}

import type { Context } from 'koa'
import { type AuthenticatedClient, parseClientCredentials } from '../../clients/authentication.ts'
import type { AuthenticateClient } from '../../clients/client-attempts.ts'
import type { Form } from '../../oauth/form.ts'
import type { ReadPresented } from '../../tokens/presented.ts'
import { authorizationHeader } from '../credentials.ts'
import { readForm } from '../read-form.ts'

/** Reads a form from a client that proves who it is, as introspection and revocation have it. */
export type ReadAuthenticatedForm = (
  ctx: Context,
) => Promise<{ form: Form; authenticated: AuthenticatedClient }>

/** @param noteClient told of each client that has authenticated */
export function readAuthenticatedForm(
  readPresented: ReadPresented,
  authenticateClient: AuthenticateClient,
  noteClient: (client: AuthenticatedClient) => void,
): ReadAuthenticatedForm {
  return async (ctx) => {
    const form = await readForm(ctx)
    const credentials = parseClientCredentials(authorizationHeader(ctx.req), form)
    const { client } = await readPresented(credentials.clientId)
    const authenticated = await authenticateClient(credentials, client)
    noteClient(authenticated)
    return { form, authenticated }
  }
}

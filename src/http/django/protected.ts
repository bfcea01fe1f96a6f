import type { Client } from '../../clients/client.ts'
import type { Authenticate } from '../authenticators/authenticator.ts'
import type { Endpoint } from '../route-table.ts'

/** GET /api/protected/: greets whoever is signed in. It is what a client is tried against before there is an API. */
export function protectedEndpoint(authenticate: Authenticate, openClient: () => Promise<Client>): Endpoint {
  return async (ctx) => {
    await openClient()
    const { username } = await authenticate(ctx)
    ctx.body = { message: `Hello, ${username}! You are authenticated.` }
  }
}

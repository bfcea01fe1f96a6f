import type { AccessTokenClaims, Needs } from './access-token-claims.ts'
import { authenticator } from './authenticate.ts'
import type { Verifier } from './verifier.ts'

/** Answers a request whose token is good. */
export type AuthenticatedHandler<More extends readonly unknown[]> = (
  request: Request,
  claims: AccessTokenClaims,
  ...more: More
) => Response | Promise<Response>

/**
 * For handlers that take a `Request` and return a `Response` (Hono, Bun, Deno, workers, Next): `handler` is called with a
 * good token only, and with its claims. What else the platform hands to a handler is handed on.
 */
export function fetchBearer<More extends readonly unknown[]>(
  verifier: Verifier,
  needs: Needs,
  handler: AuthenticatedHandler<More>,
): (request: Request, ...more: More) => Promise<Response> {
  const authenticate = authenticator(verifier, needs)
  return async (request, ...more) => {
    // `Headers` joins several of a name with commas, which no token contains: that is malformed.
    const authorization = request.headers.get('authorization')
    const authentication = await authenticate(authorization === null ? [] : [authorization])
    if (authentication.claims) return handler(request, authentication.claims, ...more)
    const { refusal } = authentication
    return Response.json(refusal.toJSON(), { status: refusal.status, headers: refusal.headers })
  }
}

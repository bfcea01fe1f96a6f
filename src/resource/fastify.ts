import type { Needs } from './access-token-claims.ts'
import { authenticator, type WithClaims } from './authenticate.ts'
import { authorizationOf, type NodeRequest } from './bearer-token.ts'
import type { Verifier } from './verifier.ts'

/** What is used of Fastify's request … */
export interface FastifyRequest extends WithClaims {
  readonly raw: NodeRequest
}

/** … and of its reply. */
export interface FastifyReply {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(payload: unknown): unknown
}

/**
 * A Fastify `onRequest` hook: lets a request past with a good token only; its claims are in `request.accessToken`
 * (declare it once: `app.decorateRequest('accessToken')`).
 */
export function fastifyBearer(verifier: Verifier, needs?: Needs) {
  const authenticate = authenticator(verifier, needs)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const authentication = await authenticate(authorizationOf(request.raw))
    if (authentication.claims) {
      request.accessToken = authentication.claims
      return undefined
    }
    const { refusal } = authentication
    reply.code(refusal.status)
    reply.headers(refusal.headers)
    reply.send(refusal.toJSON())
    return reply
  }
}

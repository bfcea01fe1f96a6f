import type { Needs } from './access-token-claims.ts'
import { authenticator, type WithClaims } from './authenticate.ts'
import { authorizationOf, type NodeRequest } from './bearer-token.ts'
import type { Verifier } from './verifier.ts'

/** What is used of Koa's context. */
export interface KoaContext {
  readonly req: NodeRequest
  readonly state: WithClaims
  status: number
  body: unknown
  set(headers: Record<string, string>): void
}

/** Koa middleware: lets a request past with a good token only; its claims are in `ctx.state.accessToken`. */
export function koaBearer(verifier: Verifier, needs?: Needs) {
  const authenticate = authenticator(verifier, needs)
  return async (ctx: KoaContext, next: () => Promise<unknown>): Promise<void> => {
    const authentication = await authenticate(authorizationOf(ctx.req))
    if (authentication.claims) {
      ctx.state.accessToken = authentication.claims
      await next()
      return
    }
    const { status, headers } = authentication.refusal
    ctx.set(headers)
    ctx.status = status
    ctx.body = authentication.refusal.toJSON()
  }
}

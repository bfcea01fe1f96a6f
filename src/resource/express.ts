import type { Needs } from './access-token-claims.ts'
import { authenticator, type WithClaims } from './authenticate.ts'
import { authorizationOf, type NodeRequest } from './bearer-token.ts'
import type { Verifier } from './verifier.ts'

/** What is used of Express's response. */
export interface ExpressResponse {
  readonly locals: WithClaims
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

/** Express middleware: lets a request past with a good token only; its claims are in `res.locals.accessToken`. */
export function expressBearer(verifier: Verifier, needs?: Needs) {
  const authenticate = authenticator(verifier, needs)
  return (req: NodeRequest, res: ExpressResponse, next: (error?: unknown) => void): void => {
    const answer = async () => {
      const authentication = await authenticate(authorizationOf(req))
      if (authentication.claims) {
        res.locals.accessToken = authentication.claims
        next()
        return
      }
      const { refusal } = authentication
      res.statusCode = refusal.status
      for (const [name, value] of Object.entries(refusal.headers)) res.setHeader(name, value)
      res.setHeader('content-type', 'application/json; charset=utf-8')
      res.end(JSON.stringify(refusal))
    }
    // Somebody else may have answered meanwhile (a time limit): what that throws must not end the process.
    answer().catch(next)
  }
}

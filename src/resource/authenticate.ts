import { type AccessTokenClaims, type Needs, neededScope } from './access-token-claims.ts'
import { BearerError } from './bearer-error.ts'
import { readBearerToken } from './bearer-token.ts'
import type { Verifier } from './verifier.ts'

/** Who is let in, or what is answered instead. */
export type Authentication =
  | { readonly claims: AccessTokenClaims }
  | { readonly claims?: undefined; readonly refusal: BearerError }

/** The name under which the adapters hand the claims on. */
export interface WithClaims {
  accessToken?: AccessTokenClaims
}

/**
 * Makes what all adapters do: from the Authorization headers of a request to its claims, or to the answer.
 * @throws TypeError for a scope that cannot be one: when the server starts, not when somebody asks
 */
export function authenticator(verifier: Verifier, needs: Needs = {}) {
  neededScope(needs)
  return async (authorization: readonly string[]): Promise<Authentication> => {
    try {
      return { claims: await verifier.verify(readBearerToken(authorization), needs) }
    } catch (error) {
      if (error instanceof BearerError) return { refusal: error }
      throw error
    }
  }
}

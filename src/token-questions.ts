import type { Config } from './config.ts'
import { type Introspect, type IntrospectionParts, makeIntrospection } from './tokens/introspection.ts'
import {
  makeReadRefreshState,
  type ReadRefreshState,
  type RefreshStateParts,
} from './tokens/refresh-state.ts'
import { makeRevocation, type RevocationParts, type Revoke } from './tokens/revocation.ts'

/** What may be asked of a token, and its end. */
export interface TokenQuestions {
  readonly readRefreshState: ReadRefreshState
  readonly introspect: Introspect
  readonly revoke: Revoke
}

/** Joins them. */
export function buildTokenQuestions(
  parts: Omit<RefreshStateParts, 'retryWindowSeconds'> &
    Omit<IntrospectionParts, 'readRefreshState' | 'issuer' | 'lifetimes'> &
    RevocationParts & { readonly config: Config },
): TokenQuestions {
  const { config } = parts
  const readRefreshState = makeReadRefreshState({
    ...parts,
    retryWindowSeconds: config.refreshRetryWindowSeconds,
  })
  return {
    readRefreshState,
    introspect: makeIntrospection({ ...parts, readRefreshState, issuer: config.issuer, lifetimes: config }),
    revoke: makeRevocation(parts),
  }
}

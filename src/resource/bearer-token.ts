import { requestMalformed, tokenMissing } from './bearer-error.ts'

/** RFC 6750 §2.1, the scheme in any case (RFC 9110 §11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i
const BEARER_SCHEME = /^bearer(?:[\s,]|$)/i

/**
 * The token of a request. Tokens in the query or in the body are not looked at (RFC 9700 §4.3.2): they end up in logs.
 * @param values all its Authorization headers: with two of them, somebody in front may have looked at the other one
 * @throws BearerError `token_missing` where there is none or another scheme's, `invalid_request` where it is malformed
 */
export function readBearerToken(values: readonly string[]): string {
  if (values.length > 1) throw requestMalformed('authorization_twice')
  const value = values[0]?.trim() ?? ''
  const token = BEARER.exec(value)?.[1]
  if (token !== undefined) return token
  throw BEARER_SCHEME.test(value) ? requestMalformed('bearer_malformed') : tokenMissing('no_bearer')
}

/** What Koa, Express and Fastify have in common: Node's request (`IncomingMessage`). */
export interface NodeRequest {
  readonly headers: { readonly authorization?: string | undefined }
  /** Names and values in turn. Node itself keeps the first of several Authorization headers without a word. */
  readonly rawHeaders?: readonly string[]
}

/** The Authorization headers of a Node request, each of them. */
export function authorizationOf({ headers, rawHeaders = [] }: NodeRequest): readonly string[] {
  const all = rawHeaders.filter(
    (_, index) => rawHeaders[index - 1]?.toLowerCase() === 'authorization' && index % 2 === 1,
  )
  if (all.length > 0) return all
  return headers.authorization === undefined ? [] : [headers.authorization]
}

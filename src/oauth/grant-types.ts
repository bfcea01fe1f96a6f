/** The grants that this server implements (RFC 6749 §4, §6). Metadata and client registration read this list. */
export const GRANT_TYPES = ['client_credentials', 'password', 'refresh_token'] as const

/** RFC 8693 §2.1. No client has it: what is exchanged authenticates the request. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** A `grant_type` value that this server implements. */
export type GrantType = (typeof GRANT_TYPES)[number]

/** Whether a presented `grant_type` is one of ours. */
export function isGrantType(value: string): value is GrantType {
  return (GRANT_TYPES as readonly string[]).includes(value)
}

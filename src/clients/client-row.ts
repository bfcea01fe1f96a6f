import type { GrantType } from '../oauth/grant-types.ts'
import type { AuthenticationMethod, Client, LatePolicy } from './client.ts'

/** A row of `clients`. */
export interface ClientRow {
  id: string
  name: string
  is_confidential: boolean
  is_native: boolean
  is_first_party: boolean
  grants: GrantType[]
  scopes: string[]
  audiences: string[]
  redirect_uris: string[]
  authentication_methods: AuthenticationMethod[]
  late_policy: LatePolicy
  access_token_alg: string | null
  access_token_ttl_seconds: number | null
  refresh_idle_ttl_seconds: number | null
  refresh_absolute_ttl_seconds: number | null
  created_at: Date
  disabled_at: Date | null
}

/** A row as the rest of the program sees it. */
export function toClient(row: ClientRow): Client {
  return {
    id: row.id,
    name: row.name,
    isConfidential: row.is_confidential,
    isNative: row.is_native,
    isFirstParty: row.is_first_party,
    grants: row.grants,
    scopes: row.scopes,
    audiences: row.audiences,
    redirectUris: row.redirect_uris,
    authenticationMethods: row.authentication_methods,
    latePolicy: row.late_policy,
    accessTokenAlg: row.access_token_alg,
    accessTokenTtlSeconds: row.access_token_ttl_seconds,
    refreshIdleTtlSeconds: row.refresh_idle_ttl_seconds,
    refreshAbsoluteTtlSeconds: row.refresh_absolute_ttl_seconds,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  }
}

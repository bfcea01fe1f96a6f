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
  allowed_origins: string[]
  authentication_methods: AuthenticationMethod[]
  late_policy: LatePolicy
  access_token_alg: string | null
  access_token_ttl_seconds: number | null
  refresh_idle_ttl_seconds: number | null
  refresh_absolute_ttl_seconds: number | null
  unremembered_ttl_seconds: number | null
  created_at: Date
  disabled_at: Date | null
}

/** What to select, from `clients c`, to get such a row. */
export const CLIENT_COLUMNS = `c.id, c.name, c.is_confidential, c.is_native, c.is_first_party, c.grants, c.scopes, c.audiences,
  c.redirect_uris, c.allowed_origins, c.authentication_methods, c.late_policy, c.access_token_alg,
  c.access_token_ttl_seconds, c.refresh_idle_ttl_seconds, c.refresh_absolute_ttl_seconds, c.unremembered_ttl_seconds,
  c.created_at, c.disabled_at`

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
    allowedOrigins: row.allowed_origins,
    authenticationMethods: row.authentication_methods,
    latePolicy: row.late_policy,
    accessTokenAlg: row.access_token_alg,
    accessTokenTtlSeconds: row.access_token_ttl_seconds,
    refreshIdleTtlSeconds: row.refresh_idle_ttl_seconds,
    refreshAbsoluteTtlSeconds: row.refresh_absolute_ttl_seconds,
    unrememberedTtlSeconds: row.unremembered_ttl_seconds,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  }
}

/** A client as its row. */
export function toRow(client: Client): Readonly<Record<keyof ClientRow, unknown>> {
  return {
    id: client.id,
    name: client.name,
    is_confidential: client.isConfidential,
    is_native: client.isNative,
    is_first_party: client.isFirstParty,
    grants: client.grants,
    scopes: client.scopes,
    audiences: client.audiences,
    redirect_uris: client.redirectUris,
    allowed_origins: client.allowedOrigins,
    authentication_methods: client.authenticationMethods,
    late_policy: client.latePolicy,
    access_token_alg: client.accessTokenAlg,
    access_token_ttl_seconds: client.accessTokenTtlSeconds,
    refresh_idle_ttl_seconds: client.refreshIdleTtlSeconds,
    refresh_absolute_ttl_seconds: client.refreshAbsoluteTtlSeconds,
    unremembered_ttl_seconds: client.unrememberedTtlSeconds,
    created_at: client.createdAt,
    disabled_at: client.disabledAt,
  }
}

import type { GrantType } from '../oauth/grant-types.ts'

/** How a client proves who it is (RFC 7591 §2 `token_endpoint_auth_method`). */
export const AUTHENTICATION_METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const
export type AuthenticationMethod = (typeof AUTHENTICATION_METHODS)[number]

/**
 * What a client's spent token, presented after the retry window, means: `supersede` takes it for a client that never
 * got our answer (once), `revoke` for a thief. See docs/adr/0003-refresh-families.md.
 */
export type LatePolicy = 'supersede' | 'revoke'

/** A program that asks for tokens, or a resource server that introspects them. */
export interface Client {
  readonly id: string
  /** For people. */
  readonly name: string
  /** Holds a secret (RFC 6749 §2.1). A public client cannot. */
  readonly isConfidential: boolean
  /** An installed app (RFC 8252), as opposed to one in a browser. */
  readonly isNative: boolean
  /** Ours: it may see passwords, where the `password` grant is among its grants. */
  readonly isFirstParty: boolean
  readonly grants: readonly GrantType[]
  /** What it may ask for, and what it gets where it asks for nothing. */
  readonly scopes: readonly string[]
  /** The resources its tokens may be for. A client without grants is a resource server: these are its own names. */
  readonly audiences: readonly string[]
  readonly redirectUris: readonly string[]
  /** Web pages of these origins may read what it is answered (Fetch §3.2, CORS). */
  readonly allowedOrigins: readonly string[]
  readonly authenticationMethods: readonly AuthenticationMethod[]
  readonly latePolicy: LatePolicy
  /** The `alg` of its access tokens (RFC 7518 §3.1); null takes the default. */
  readonly accessTokenAlg: string | null
  /** Own lifetimes in seconds; null takes the configuration's. */
  readonly accessTokenTtlSeconds: number | null
  readonly refreshIdleTtlSeconds: number | null
  readonly refreshAbsoluteTtlSeconds: number | null
  /** How long a session lasts whose login did not ask to be remembered; null makes no difference. */
  readonly unrememberedTtlSeconds: number | null
  readonly createdAt: Date
  /** Since when it is refused everything; null while it is enabled. */
  readonly disabledAt: Date | null
}

/** One of a client's secrets; two may overlap while it is being replaced. */
export interface ClientSecret {
  readonly id: string
  /** SHA-256 of the secret. */
  readonly digest: Uint8Array
  readonly lastUsedAt: Date | null
}

/** A client and those of its secrets that are valid now. */
export interface ClientWithSecrets {
  readonly client: Client
  readonly secrets: readonly ClientSecret[]
}

/**
 * Whether `client` may learn about a token (RFC 7662 §2.2): one that was issued to it, one that names it in `aud`, or,
 * for a resource server (a client without grants), one for an audience it answers to.
 */
export function mayIntrospect(
  client: Client,
  token: { clientId: string; audience: readonly string[] },
): boolean {
  if (token.clientId === client.id || token.audience.includes(client.id)) return true
  return client.grants.length === 0 && token.audience.some((name) => client.audiences.includes(name))
}

import type { Client } from '../clients/client.ts'
import type { PresentedFamily, TokenUser } from './presented.ts'
import type { Position } from './rotation.ts'

/**
 * When and how a user signed in, and with which password: one that is changed before the session begins is the wrong
 * one.
 */
export interface LoginFacts {
  readonly authenticatedAt: Date
  /** RFC 8176 names. */
  readonly authenticationMethods: readonly string[]
  readonly passwordChangedAt: Date | null
  /** Whether it asked for a session that outlasts the day; only clients that make a difference ask. */
  readonly isRemembered: boolean
}

/** What the issuer has to know of whoever holds the tokens: a client, or an API key in the place of one. */
export type TokenHolder = Pick<
  Client,
  | 'id'
  | 'grants'
  | 'accessTokenAlg'
  | 'accessTokenTtlSeconds'
  | 'refreshIdleTtlSeconds'
  | 'refreshAbsoluteTtlSeconds'
  | 'unrememberedTtlSeconds'
>

/** On whose behalf tokens are issued. */
export type Subject =
  /** The client itself (RFC 6749 §4.4). */
  | { readonly kind: 'client' }
  /** An API key, for its user where it has one. */
  | { readonly kind: 'api_key'; readonly keyId: string; readonly user: TokenUser | null }
  /** A user who has just signed in: a new session, and a new family where the client may refresh. */
  | { readonly kind: 'login'; readonly user: TokenUser; readonly login: LoginFacts }
  /** A session that goes on: the family has been rotated to `position`. */
  | { readonly kind: 'family'; readonly presented: PresentedFamily; readonly position: Position }

/** What every grant yields: who may have which tokens, for what. The issuer makes them. */
export interface Authorization {
  readonly client: TokenHolder
  readonly subject: Subject
  /** Of this access token. */
  readonly scope: readonly string[]
  /** Of this access token: at least one. */
  readonly audience: readonly string[]
  /** What later refreshes may ask for, where a family begins. */
  readonly refreshable: { readonly scope: readonly string[]; readonly audience: readonly string[] }
}

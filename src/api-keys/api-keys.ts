import type { AuditEvent } from '../audit/events.ts'
import type { ApiKey } from './api-key.ts'

/** An API key that somebody has presented, and what decides whether it stands. */
export interface PresentedApiKey {
  readonly apiKey: ApiKey
  /** True where it acts for nobody. */
  readonly userIsActive: boolean
  /** SHA-256 of the key; null until the first use of an imported one. */
  readonly digest: Uint8Array | null
  readonly importedHash: string | null
}

/** A key to be remembered: its digest only. */
export interface NewApiKey extends Omit<ApiKey, 'user' | 'revokedAt' | 'lastUsedAt'> {
  readonly userId: string | null
  readonly digest: Uint8Array
}

/** A key that an earlier system has given out: what that stored of it. */
export interface ImportedApiKey {
  readonly prefix: string
  readonly importedHash: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

/**
 * All API keys. That those of a user end with everything else of the user is a part of other changes
 * (sessions/credential-parts-postgres.ts). All throw Unavailable when it is not certain.
 */
export interface ApiKeys {
  /** One query for all that is asked in a turn of the event loop. */
  find(prefix: string): Promise<PresentedApiKey | undefined>
  /** @returns `taken` where the prefix is (draw another), `unknown` where the user is gone or disabled */
  add(key: NewApiKey, event: AuditEvent): Promise<'added' | 'taken' | 'unknown'>
  /** Takes keys of an earlier system, once each. @returns how many were new */
  addImported(keys: readonly ImportedApiKey[], actor: string): Promise<number>
  /** Keeps the digest of an imported key that was right, instead of the hash it came with. */
  replaceHash(id: string, importedHash: string, digest: Uint8Array): Promise<void>
  /** In order of id; at most `limit`, after the id `after`; the revoked ones too. */
  list(filter: { readonly userId?: string | undefined }, limit: number, after?: string): Promise<ApiKey[]>
  /** Ends one, for good. @returns false when there is none, or it was revoked before */
  revoke(id: string, now: Date, actor: string): Promise<boolean>
}

import type { AuditEvent } from '../audit/events.ts'
import type { Client } from './client.ts'

/** A secret to be stored: its digest only. */
export interface NewClientSecret {
  readonly id: string
  readonly digest: Uint8Array
  readonly createdAt: Date
}

/** All clients. Reading one for a request is `Presented` (tokens/presented.ts), together with what it presents. */
export interface Clients {
  /** Adds a client, with its first secret where it is confidential. False when the id is taken. */
  add(client: Client, secret: NewClientSecret | undefined, event: AuditEvent): Promise<boolean>
  find(id: string): Promise<Client | undefined>
  /** In order of id; at most `limit`, after the id `after`. */
  list(limit: number, after?: string): Promise<Client[]>
  /**
   * Changes what is said of a client; whether it is enabled, and its secrets, have ways of their own.
   * @param change gets the client as it is and returns what it shall be; it may throw, and nothing is changed
   * @returns undefined when there is no such client
   */
  update(id: string, change: (client: Client) => Client, event: AuditEvent): Promise<Client | undefined>
  /** The web origins of enabled clients. */
  findOrigins(): Promise<readonly { readonly id: string; readonly origins: readonly string[] }[]>
  /**
   * Adds a secret; the newest earlier one stays valid until `earlierEndsAt`. One that is still ending from the
   * replacement before ends now where `endsEarlier`, and is in the way otherwise.
   * @returns `unknown` when there is no such confidential client; the time until which one is in the way
   */
  replaceSecret(
    id: string,
    secret: NewClientSecret,
    times: { readonly now: Date; readonly earlierEndsAt: Date; readonly endsEarlier: boolean },
    event: AuditEvent,
  ): Promise<'replaced' | 'unknown' | { readonly pendingUntil: Date }>
  /**
   * Disables or enables; a change either way ends every family the client holds, in one row's work. False when there is no
   * such client.
   */
  setEnabled(id: string, isEnabled: boolean, now: Date, event: AuditEvent): Promise<boolean>
  /** Notes that a secret was used. */
  noteSecretUse(secretId: string, at: Date): Promise<void>
}

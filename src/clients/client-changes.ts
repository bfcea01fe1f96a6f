import type { Client } from './client.ts'
import { type ClientDetails, makeClient } from './client-details.ts'

/** What may change of a client that is there. What is left out stays; null takes back a setting of its own. */
export interface ClientChanges
  extends Pick<ClientDetails, 'scopes' | 'audiences' | 'redirectUris' | 'allowedOrigins' | 'latePolicy'> {
  readonly name?: string | undefined
  readonly accessTokenAlg?: string | null | undefined
  readonly accessTokenTtlSeconds?: number | null | undefined
  readonly refreshIdleTtlSeconds?: number | null | undefined
  readonly refreshAbsoluteTtlSeconds?: number | null | undefined
  readonly unrememberedTtlSeconds?: number | null | undefined
}

/**
 * The client with the changes made to it, by the rules for new ones. Who it is stays: id, type, grants, secrets.
 * @throws Refusal that says which rule is broken and what to do
 */
export function changeClient(client: Client, changes: ClientChanges): Client {
  const said = Object.entries({ ...client, ...definedOf(changes) }).filter(([, value]) => value !== null)
  const details = {
    ...Object.fromEntries(said),
    isPublic: !client.isConfidential,
  } as unknown as ClientDetails
  const { authenticationMethods, disabledAt } = client
  return { ...makeClient(client.id, details, client.createdAt), authenticationMethods, disabledAt }
}

function definedOf(changes: ClientChanges): ClientChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

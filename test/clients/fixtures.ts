import { randomUUID } from 'node:crypto'
import type { Client, ClientSecret } from '../../src/clients/client.ts'
import { type ClientDetails, makeClient } from '../../src/clients/client-details.ts'
import { digestSecret } from '../../src/crypto/secret.ts'

export const CREATED = new Date('2026-01-01T00:00:00Z')

/** A confidential client that may do everything such a client can, unless `details` say otherwise. */
export function exampleClient(details: Partial<ClientDetails> = {}, changes: Partial<Client> = {}): Client {
  const grants = ['client_credentials', 'refresh_token']
  return { ...makeClient('client_one', { name: 'Example', grants, ...details }, CREATED), ...changes }
}

/** What is stored of a secret. */
export function storedSecret(secret: string): ClientSecret {
  return { id: randomUUID(), digest: digestSecret(secret), lastUsedAt: null }
}

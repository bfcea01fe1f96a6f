import type { Operation } from '../load/protocol.ts'
import { basic, FORM } from './system.ts'

const TOKEN = '/oauth/token'
const TOKENS = { refresh: 'refresh_token', access: 'access_token' }

/**
 * What Keyturn is asked for, and any server with the endpoints of the RFCs.
 * @param client confidential; it authenticates with HTTP Basic
 */
export function keyturnOperations(
  client: { readonly client_id: string; readonly client_secret: string },
  user: { readonly username: string; readonly password: string },
) {
  const headers = { ...FORM, ...basic(client.client_id, client.client_secret) }
  const post = { method: 'POST', headers } as const
  const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString()
  return {
    client_credentials: {
      ...post,
      name: 'client_credentials',
      path: TOKEN,
      body: form({ grant_type: 'client_credentials', scope: 'read' }),
      expects: '"access_token"',
    },
    refresh: {
      ...post,
      name: 'refresh',
      path: TOKEN,
      body: 'grant_type=refresh_token&refresh_token=$refresh',
      expects: '"refresh_token"',
      renews: TOKENS,
    },
    login: {
      ...post,
      name: 'login',
      path: TOKEN,
      body: form({ grant_type: 'password', scope: 'read', ...user }),
      expects: '"access_token"',
    },
    introspection: {
      ...post,
      name: 'introspection',
      path: '/oauth/introspect',
      body: 'token=$access',
      expects: '"active":true',
    },
    jwks: { name: 'jwks', method: 'GET', path: '/.well-known/jwks.json', headers: {}, expects: '"keys"' },
  } satisfies Record<string, Operation>
}

import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Administration } from './administration.ts'

/** The accounts that the first embedded start makes, with their secrets. */
export interface DemoAccounts {
  readonly username: string
  readonly password: string
  readonly clientId: string
  readonly clientSecret: string
  readonly resourceServerId: string
  readonly resourceServerSecret: string
}

const FILE = 'demo-accounts.json'
const ACTOR = 'keyturn'

/**
 * The demo accounts of a data directory: a user, a client and a resource server. They are made once; their secrets are
 * kept in a file that only the owner can read, because the database does not have them, so that each start can print
 * them. Never made in production: the configuration sees to that.
 * @param directory the data directory
 */
export async function demoAccounts(directory: string, administration: Administration): Promise<DemoAccounts> {
  const path = join(directory, FILE)
  const known = await readFile(path, 'utf8').catch(() => undefined)
  if (known !== undefined) return JSON.parse(known) as DemoAccounts

  const clients = await administration.clients()
  const api = await clients.create({ name: 'Demo API', audiences: ['https://api.example.com'] }, ACTOR)
  const app = await clients.create(
    {
      name: 'Demo app',
      isFirstParty: true,
      grants: ['client_credentials', 'password', 'refresh_token'],
      scopes: ['read', 'write'],
      audiences: ['https://api.example.com'],
    },
    ACTOR,
  )
  await clients.enable('django', ACTOR)
  const password = randomBytes(9).toString('base64url')
  const users = await administration.users()
  const existing = await users.list(1)
  const username = existing.length === 0 ? 'alice' : `alice-${randomBytes(3).toString('hex')}`
  await users.create({ username, email: `${username}@example.com`, password }, ACTOR)

  const accounts: DemoAccounts = {
    username,
    password,
    clientId: app.client.id,
    clientSecret: app.secret ?? '',
    resourceServerId: api.client.id,
    resourceServerSecret: api.secret ?? '',
  }
  await writeFile(`${path}.new`, `${JSON.stringify(accounts, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
  return accounts
}

/**
 * What a start of the demo prints: where it is, the accounts, and four lines to paste into another terminal. They need
 * nothing but curl and sed.
 */
export function demoText(issuer: string, accounts: DemoAccounts): string {
  const { username, password, clientId, clientSecret, resourceServerId, resourceServerSecret } = accounts
  const token = `curl -s -u ${clientId}:${clientSecret} ${issuer}/oauth/token`
  const signIn = `${token} -d grant_type=password -d username=${username} -d password=${password}`
  const field = (name: string) => `sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/'`
  return `
Keyturn is running at ${issuer}

  user              ${username}
  password          ${password}
  client            ${clientId}
  secret            ${clientSecret}
  resource server   ${resourceServerId}
  secret            ${resourceServerSecret}

Paste into another terminal:

# 1. the public keys, by which any service verifies tokens alone
curl -s ${issuer}/.well-known/jwks.json

# 2. sign in: an access token and a refresh token
${signIn}

# 3. trade a refresh token for new tokens
${token} -d grant_type=refresh_token -d refresh_token="$(${signIn} | ${field('refresh_token')})"

# 4. what the resource server learns about a token
curl -s -u ${resourceServerId}:${resourceServerSecret} ${issuer}/oauth/introspect -d token="$(${signIn} | ${field('access_token')})"

Stop with Ctrl-C. Everything is kept for the next start.
`
}

import { digestSecret, equalDigests } from '../crypto/secret.ts'
import { OAuthError } from '../oauth/errors.ts'
import type { Form } from '../oauth/form.ts'
import type { AuthenticationMethod, Client, ClientSecret, ClientWithSecrets } from './client.ts'
import { isClientSecret } from './client-secret.ts'

/** What a request presents to say who the client is, read but not yet checked. */
export interface ClientCredentials {
  readonly clientId: string
  readonly secret: string | undefined
  readonly method: AuthenticationMethod
}

/** A client that has proven who it is, and the secret it did so with (none for a public client). */
export interface AuthenticatedClient {
  readonly client: Client
  readonly secret: ClientSecret | undefined
}

/**
 * Reads the client's credentials: exactly one method (RFC 6749 §2.3).
 * @param authorization the Authorization header, empty where there is none
 * @throws OAuthError `invalid_request` for two methods at once or two ids; `invalid_client` for none or a broken one
 */
export function parseClientCredentials(authorization: string, form: Form): ClientCredentials {
  const formId = form.optional('client_id')
  const formSecret = form.optional('client_secret')
  const formAssertion = form.optional('client_assertion')

  if (authorization !== '') {
    const { clientId, secret } = parseBasic(authorization)
    if (formSecret !== undefined || formAssertion !== undefined) throw twoMethods()
    if (formId !== undefined && formId !== clientId) {
      throw new OAuthError('invalid_request', 'client_id differs from the one authenticated', {
        reason: 'client_two_ids',
      })
    }
    return { clientId, secret, method: 'client_secret_basic' }
  }
  if (formSecret !== undefined && formAssertion !== undefined) throw twoMethods()
  if (formId === undefined) throw refused('client_missing')
  if (formSecret === undefined) return { clientId: formId, secret: undefined, method: 'none' }
  return { clientId: formId, secret: formSecret, method: 'client_secret_post' }
}

/**
 * Checks the credentials against the client they name. Unknown client, wrong secret, wrong method and disabled client
 * are one answer, and the work is the same.
 * @param found the client of that id, if there is one
 * @throws OAuthError `invalid_client`
 */
export function authenticateClient(
  credentials: ClientCredentials,
  found: ClientWithSecrets | undefined,
): AuthenticatedClient {
  const { method, secret } = credentials
  const matching = secret === undefined ? undefined : matchingSecret(secret, found?.secrets ?? [])
  if (!found) throw refused('client_unknown')
  if (found.client.disabledAt !== null) throw refused('client_disabled')
  if (!found.client.authenticationMethods.includes(method)) throw refused('client_method_not_allowed')
  if (found.client.isConfidential && matching === undefined) throw refused('client_secret_wrong')
  return { client: found.client, secret: matching }
}

function matchingSecret(presented: string, secrets: readonly ClientSecret[]): ClientSecret | undefined {
  const digest = digestSecret(presented)
  const matching = secrets.filter((secret) => equalDigests(secret.digest, digest))
  return isClientSecret(presented) ? matching[0] : undefined
}

/** RFC 7617 §2, with both halves form-encoded inside (RFC 6749 §2.3.1). */
function parseBasic(authorization: string): { clientId: string; secret: string } {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  if (encoded === undefined) throw refused('client_basic_malformed')
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.toString('base64') !== encoded) throw refused('client_basic_malformed')
  const text = bytes.toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1 || !Buffer.from(text, 'utf8').equals(bytes)) throw refused('client_basic_malformed')
  try {
    const [clientId, secret] = [text.slice(0, colon), text.slice(colon + 1)].map(decodeFormHalf) as [
      string,
      string,
    ]
    if (clientId.includes('\0') || secret.includes('\0')) throw refused('client_basic_malformed')
    return { clientId, secret }
  } catch {
    throw refused('client_basic_malformed')
  }
}

function decodeFormHalf(half: string): string {
  return decodeURIComponent(half.replaceAll('+', ' '))
}

function twoMethods(): OAuthError {
  return new OAuthError('invalid_request', 'use one way of client authentication', {
    reason: 'client_two_methods',
  })
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_client', 'client authentication failed', { reason })
}

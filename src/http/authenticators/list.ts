import type { RestAuthMode } from '../dj-rest-auth/mode.ts'

/** One way to show who one is, as operators see it: what is sent, and what opens it. */
export interface AuthenticatorRow {
  readonly scheme: 'Bearer' | 'Token' | 'Api-Key' | 'Basic' | 'Cookie'
  /** What a client sends. */
  readonly header: string
  readonly takes: string
  /** What stands in `WWW-Authenticate` where it is the first. */
  readonly challenge: string
  readonly isOn: boolean
  /** The variable that turns it on, or shapes it. */
  readonly setting: string | null
}

/** What the list depends on. */
export interface AuthenticatorSettings {
  /** A header of its own for API keys, besides `Authorization`. */
  readonly apiKeyHeader: string | undefined
  readonly basicAuthentication: boolean
  readonly restAuth: RestAuthMode
}

/**
 * The authenticators of the endpoints that need a user, in the order in which they are asked: one that does not recognise
 * its credential passes the request on, one that refuses it ends it, and every 401 has the challenge of the first.
 */
export function authenticatorRows({
  apiKeyHeader,
  basicAuthentication,
  restAuth,
}: AuthenticatorSettings): AuthenticatorRow[] {
  const ownHeader = apiKeyHeader === undefined ? '' : `, or ${apiKeyHeader}: …`
  return [
    {
      scheme: 'Bearer',
      header: 'Authorization: Bearer …',
      takes: 'access tokens, authtokens',
      challenge: 'Bearer realm="api"',
      isOn: true,
      setting: null,
    },
    {
      scheme: 'Token',
      header: 'Authorization: Token …',
      takes: 'authtokens',
      challenge: 'Token',
      isOn: true,
      setting: null,
    },
    {
      scheme: 'Api-Key',
      header: `Authorization: Api-Key …${ownHeader}`,
      takes: 'API keys of a user',
      challenge: 'Api-Key',
      isOn: true,
      setting: 'KEYTURN_API_KEY_HEADER',
    },
    {
      scheme: 'Basic',
      header: 'Authorization: Basic …',
      takes: 'username and password, over HTTPS',
      challenge: 'Basic realm="api"',
      isOn: basicAuthentication,
      setting: 'KEYTURN_BASIC_AUTHENTICATION',
    },
    {
      scheme: 'Cookie',
      header: 'Cookie: access=…',
      takes: 'access tokens; with X-CSRFToken but for GET',
      challenge: 'Cookie',
      isOn: restAuth === 'cookie',
      setting: 'KEYTURN_REST_AUTH',
    },
  ]
}

import type { Login } from '../../users/login.ts'
import { DjangoError } from '../django/django-error.ts'
import type { IsPrivateTransport } from '../private-transport.ts'
import type { Authenticator } from './authenticator.ts'
import { wordsAfter } from './scheme.ts'

/** RFC 4648 §4, whole. Node's decoder takes anything. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * `Authorization: Basic` with a username and a password, at each request: for trying things out, answered as Django REST
 * Framework's BasicAuthentication does. Each request costs a password hash. Refused where somebody on the way could have
 * read it (RFC 7617 §4).
 */
export function basicAuthenticator(login: Login, isPrivate: IsPrivateTransport): Authenticator {
  return {
    challenge: 'Basic realm="api"',

    async authenticate(ctx) {
      const words = wordsAfter('basic', ctx)
      if (words === undefined) return null
      if (!isPrivate(ctx.req)) {
        const detail = 'Basic authentication needs HTTPS: this password was sent in clear, change it.'
        throw new DjangoError(401, { detail }, 'basic_in_clear')
      }
      const { username, password } = read(words)
      const outcome = await login(username, password)
      if (outcome.outcome === 'refused') throw refused('Invalid username/password.', outcome.reason)
      return {
        userId: outcome.user.id,
        username: outcome.user.username,
        sessionId: null,
        scope: [],
        authtokenId: null,
        mayManageAccount: true,
      }
    },
  }
}

function read([credentials, ...more]: readonly string[]): { username: string; password: string } {
  if (credentials === undefined) throw malformed('No credentials provided.')
  if (more.length > 0) throw malformed('Credentials string should not contain spaces.')
  const text = decode(credentials)
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 0) throw malformed('Credentials not correctly base64 encoded.')
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** UTF-8, and where it is none, Latin-1, as old clients send it. */
function decode(base64: string): string | undefined {
  if (!BASE64.test(base64)) return undefined
  const bytes = Buffer.from(base64, 'base64')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}

function malformed(what: string): DjangoError {
  return refused(`Invalid basic header. ${what}`, 'basic_malformed')
}

function refused(detail: string, reason: string): DjangoError {
  return new DjangoError(401, { detail }, reason)
}

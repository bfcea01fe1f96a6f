import type { Context } from 'koa'
import type { RequestClass } from './admission.ts'

/** What answers a request. */
export type Endpoint = (ctx: Context) => Promise<void>

/** The endpoints that the application is built with. */
export interface Endpoints {
  readonly token: Endpoint
  readonly introspect: Endpoint
  readonly revoke: Endpoint
  readonly accountSessions: Endpoint
  readonly endAccountSessions: Endpoint
  readonly accountSession: Endpoint
  readonly endAccountSession: Endpoint
  readonly djangoTokenPair: Endpoint
  readonly djangoTokenRefresh: Endpoint
  readonly djangoTokenVerify: Endpoint
  readonly djangoTokenBlacklist: Endpoint
  readonly djangoAuthtoken: Endpoint
  readonly djangoProtected: Endpoint
  readonly restAuthLogin: Endpoint
  readonly restAuthLogout: Endpoint
  readonly restAuthUser: Endpoint
  readonly restAuthUserPut: Endpoint
  readonly restAuthUserPatch: Endpoint
  readonly restAuthPasswordChange: Endpoint
  readonly restAuthPasswordReset: Endpoint
  readonly restAuthPasswordResetConfirm: Endpoint
  readonly restAuthRegistration: Endpoint
  readonly restAuthVerifyEmail: Endpoint
  readonly restAuthResendEmail: Endpoint
  readonly restAuthTokenVerify: Endpoint
  readonly restAuthTokenRefresh: Endpoint
  readonly jwks: Endpoint
  readonly discovery: Endpoint
  readonly livez: Endpoint
  readonly readyz: Endpoint
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One URL and what answers there. */
interface Route {
  readonly method: Method
  /** `:id` is one segment, whatever it is. */
  readonly path: string
  readonly endpoint: keyof Endpoints
  /** Whose places it takes; without one it is always served: keys, metadata and health cost nothing. */
  readonly kind?: RequestClass
  /** Any web page may read the answer (JWKS and metadata only). */
  readonly open?: true
  /** Its errors and headers are those of Django REST Framework, and the slash at its end may be left out. */
  readonly django?: true
  /** Web pages of a client's registered origins may read the answer; so it is with all that is Django's. */
  readonly crossOrigin?: true
}

/** Every URL we serve. */
export const ROUTES: readonly Route[] = [
  { method: 'POST', path: '/oauth/token', endpoint: 'token', kind: 'token', crossOrigin: true },
  { method: 'POST', path: '/oauth/introspect', endpoint: 'introspect', kind: 'introspection' },
  { method: 'POST', path: '/oauth/revoke', endpoint: 'revoke', kind: 'introspection', crossOrigin: true },
  { method: 'GET', path: '/account/api/sessions', endpoint: 'accountSessions', kind: 'account' },
  { method: 'DELETE', path: '/account/api/sessions', endpoint: 'endAccountSessions', kind: 'account' },
  { method: 'GET', path: '/account/api/sessions/:id', endpoint: 'accountSession', kind: 'account' },
  { method: 'DELETE', path: '/account/api/sessions/:id', endpoint: 'endAccountSession', kind: 'account' },
  { method: 'POST', path: '/api/token/', endpoint: 'djangoTokenPair', kind: 'login', django: true },
  {
    method: 'POST',
    path: '/api/token/refresh/',
    endpoint: 'djangoTokenRefresh',
    kind: 'token',
    django: true,
  },
  {
    method: 'POST',
    path: '/api/token/verify/',
    endpoint: 'djangoTokenVerify',
    kind: 'introspection',
    django: true,
  },
  {
    method: 'POST',
    path: '/api/token/blacklist/',
    endpoint: 'djangoTokenBlacklist',
    kind: 'introspection',
    django: true,
  },
  { method: 'POST', path: '/api-token-auth/', endpoint: 'djangoAuthtoken', kind: 'login', django: true },
  {
    method: 'GET',
    path: '/api/protected/',
    endpoint: 'djangoProtected',
    kind: 'introspection',
    django: true,
  },
  { method: 'POST', path: '/dj-rest-auth/login/', endpoint: 'restAuthLogin', kind: 'login', django: true },
  {
    method: 'POST',
    path: '/dj-rest-auth/logout/',
    endpoint: 'restAuthLogout',
    kind: 'introspection',
    django: true,
  },
  { method: 'GET', path: '/dj-rest-auth/user/', endpoint: 'restAuthUser', kind: 'account', django: true },
  { method: 'PUT', path: '/dj-rest-auth/user/', endpoint: 'restAuthUserPut', kind: 'account', django: true },
  {
    method: 'PATCH',
    path: '/dj-rest-auth/user/',
    endpoint: 'restAuthUserPatch',
    kind: 'account',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/password/change/',
    endpoint: 'restAuthPasswordChange',
    kind: 'login',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/password/reset/',
    endpoint: 'restAuthPasswordReset',
    kind: 'login',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/password/reset/confirm/',
    endpoint: 'restAuthPasswordResetConfirm',
    kind: 'login',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/registration/',
    endpoint: 'restAuthRegistration',
    kind: 'login',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/registration/verify-email/',
    endpoint: 'restAuthVerifyEmail',
    kind: 'login',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/registration/resend-email/',
    endpoint: 'restAuthResendEmail',
    kind: 'login',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/token/verify/',
    endpoint: 'restAuthTokenVerify',
    kind: 'introspection',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/token/refresh/',
    endpoint: 'restAuthTokenRefresh',
    kind: 'token',
    django: true,
  },
  { method: 'GET', path: '/.well-known/jwks.json', endpoint: 'jwks', open: true },
  { method: 'GET', path: '/.well-known/openid-configuration', endpoint: 'discovery', open: true },
  { method: 'GET', path: '/.well-known/oauth-authorization-server', endpoint: 'discovery', open: true },
  { method: 'GET', path: '/livez', endpoint: 'livez' },
  { method: 'GET', path: '/readyz', endpoint: 'readyz' },
]

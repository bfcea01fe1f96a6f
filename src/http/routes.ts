import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { CrossOrigin } from './cross-origin.ts'
import { beginDjango, describeDjango } from './django/view.ts'
import { HttpError } from './http-error.ts'

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
  /** Any web page may read the answer (JWKS and metadata only). */
  readonly open?: true
  /** Its errors and headers are those of Django REST Framework, and the slash at its end may be left out. */
  readonly django?: true
  /** Web pages of a client's registered origins may read the answer; so it is with all that is Django's. */
  readonly crossOrigin?: true
}

/** Every URL we serve. */
export const ROUTES: readonly Route[] = [
  { method: 'POST', path: '/oauth/token', endpoint: 'token', crossOrigin: true },
  { method: 'POST', path: '/oauth/introspect', endpoint: 'introspect' },
  { method: 'POST', path: '/oauth/revoke', endpoint: 'revoke', crossOrigin: true },
  { method: 'GET', path: '/account/api/sessions', endpoint: 'accountSessions' },
  { method: 'DELETE', path: '/account/api/sessions', endpoint: 'endAccountSessions' },
  { method: 'GET', path: '/account/api/sessions/:id', endpoint: 'accountSession' },
  { method: 'DELETE', path: '/account/api/sessions/:id', endpoint: 'endAccountSession' },
  { method: 'POST', path: '/api/token/', endpoint: 'djangoTokenPair', django: true },
  { method: 'POST', path: '/api/token/refresh/', endpoint: 'djangoTokenRefresh', django: true },
  { method: 'POST', path: '/api/token/verify/', endpoint: 'djangoTokenVerify', django: true },
  { method: 'POST', path: '/api/token/blacklist/', endpoint: 'djangoTokenBlacklist', django: true },
  { method: 'POST', path: '/api-token-auth/', endpoint: 'djangoAuthtoken', django: true },
  { method: 'GET', path: '/api/protected/', endpoint: 'djangoProtected', django: true },
  { method: 'POST', path: '/dj-rest-auth/login/', endpoint: 'restAuthLogin', django: true },
  { method: 'POST', path: '/dj-rest-auth/logout/', endpoint: 'restAuthLogout', django: true },
  { method: 'GET', path: '/dj-rest-auth/user/', endpoint: 'restAuthUser', django: true },
  { method: 'PUT', path: '/dj-rest-auth/user/', endpoint: 'restAuthUserPut', django: true },
  { method: 'PATCH', path: '/dj-rest-auth/user/', endpoint: 'restAuthUserPatch', django: true },
  {
    method: 'POST',
    path: '/dj-rest-auth/password/change/',
    endpoint: 'restAuthPasswordChange',
    django: true,
  },
  { method: 'POST', path: '/dj-rest-auth/password/reset/', endpoint: 'restAuthPasswordReset', django: true },
  {
    method: 'POST',
    path: '/dj-rest-auth/password/reset/confirm/',
    endpoint: 'restAuthPasswordResetConfirm',
    django: true,
  },
  { method: 'POST', path: '/dj-rest-auth/registration/', endpoint: 'restAuthRegistration', django: true },
  {
    method: 'POST',
    path: '/dj-rest-auth/registration/verify-email/',
    endpoint: 'restAuthVerifyEmail',
    django: true,
  },
  {
    method: 'POST',
    path: '/dj-rest-auth/registration/resend-email/',
    endpoint: 'restAuthResendEmail',
    django: true,
  },
  { method: 'POST', path: '/dj-rest-auth/token/verify/', endpoint: 'restAuthTokenVerify', django: true },
  { method: 'POST', path: '/dj-rest-auth/token/refresh/', endpoint: 'restAuthTokenRefresh', django: true },
  { method: 'GET', path: '/.well-known/jwks.json', endpoint: 'jwks', open: true },
  { method: 'GET', path: '/.well-known/openid-configuration', endpoint: 'discovery', open: true },
  { method: 'GET', path: '/.well-known/oauth-authorization-server', endpoint: 'discovery', open: true },
  { method: 'GET', path: '/livez', endpoint: 'livez' },
  { method: 'GET', path: '/readyz', endpoint: 'readyz' },
]

/** What is at a path: its name in log and metrics, and what may be done with it. */
interface Resource {
  readonly route: string
  readonly methods: string[]
  readonly isDjango: boolean
  readonly isCrossOrigin: boolean
}

/**
 * The router: paths match as they are written (case, slashes and percent signs included), so that no second spelling
 * goes past a check. HEAD is served where GET is; any other method on a known path is 405 with `Allow` (RFC 9110 §15.5.6).
 */
export function routes(endpoints: Endpoints, crossOrigin: CrossOrigin): Middleware {
  const router = new Router({ sensitive: true, strict: true })
  const resources = new Map<string, Resource>()

  for (const { method, path: route, endpoint, open = false, django = false, ...more } of ROUTES) {
    const methods = method === 'GET' ? ['GET', 'HEAD'] : [method]
    for (const path of django ? [route, route.slice(0, -1)] : [route]) {
      router.register(path, methods, endpoints[endpoint])
      const known = resources.get(path)?.methods ?? []
      if (open) router.register(path, ['OPTIONS'], preflight)
      if (django) router.register(path, ['OPTIONS'], describeDjango)
      const others = open || django ? ['OPTIONS'] : []
      const all = [...new Set([...known, ...methods, ...others])]
      const isCrossOrigin = django || more.crossOrigin === true
      resources.set(path, { route, methods: all, isDjango: django, isCrossOrigin })
    }
  }
  const patterns = [...resources.keys()]
    .filter((path) => path.includes(':'))
    .map((path) => ({ path, form: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`) }))
  const serve = router.routes()

  return async (ctx, next) => {
    const path = resources.has(ctx.path) ? ctx.path : patterns.find(({ form }) => form.test(ctx.path))?.path
    const resource = path === undefined ? undefined : resources.get(path)
    if (!resource) throw new HttpError(404, 'no_such_path', 'there is nothing at this path')
    ctx.state['route'] = resource.route
    const allow = resource.methods.join(', ')
    if (resource.isDjango) beginDjango(ctx, allow)
    if (resource.isCrossOrigin && (await crossOrigin.begin(ctx, resource.methods))) return
    if (!resource.methods.includes(ctx.method)) {
      throw new HttpError(405, 'method_not_allowed', 'this method does nothing here', { allow })
    }
    try {
      await serve(ctx as never, next)
    } finally {
      if (resource.isCrossOrigin) await crossOrigin.end(ctx)
    }
  }
}

async function preflight(ctx: Context): Promise<void> {
  ctx.status = 204
  ctx.set({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': '*',
    'access-control-max-age': '86400',
  })
}

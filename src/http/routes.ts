import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
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
  readonly jwks: Endpoint
  readonly discovery: Endpoint
  readonly livez: Endpoint
  readonly readyz: Endpoint
}

type Method = 'GET' | 'POST' | 'DELETE'

/**
 * Every URL we serve; `:id` is one segment, whatever it is. `open`: any web page may read the answer (JWKS and metadata
 * only).
 */
export const ROUTES: readonly { method: Method; path: string; endpoint: keyof Endpoints; open?: true }[] = [
  { method: 'POST', path: '/oauth/token', endpoint: 'token' },
  { method: 'POST', path: '/oauth/introspect', endpoint: 'introspect' },
  { method: 'POST', path: '/oauth/revoke', endpoint: 'revoke' },
  { method: 'GET', path: '/account/api/sessions', endpoint: 'accountSessions' },
  { method: 'DELETE', path: '/account/api/sessions', endpoint: 'endAccountSessions' },
  { method: 'GET', path: '/account/api/sessions/:id', endpoint: 'accountSession' },
  { method: 'DELETE', path: '/account/api/sessions/:id', endpoint: 'endAccountSession' },
  { method: 'GET', path: '/.well-known/jwks.json', endpoint: 'jwks', open: true },
  { method: 'GET', path: '/.well-known/openid-configuration', endpoint: 'discovery', open: true },
  { method: 'GET', path: '/.well-known/oauth-authorization-server', endpoint: 'discovery', open: true },
  { method: 'GET', path: '/livez', endpoint: 'livez' },
  { method: 'GET', path: '/readyz', endpoint: 'readyz' },
]

/**
 * The router: paths match as they are written (case, slashes and percent signs included), so that no second spelling
 * goes past a check. HEAD is served where GET is; any other method on a known path is 405 with `Allow` (RFC 9110 §15.5.6).
 */
export function routes(endpoints: Endpoints): Middleware {
  const router = new Router({ sensitive: true, strict: true })
  const methodsOf = new Map<string, string[]>()

  for (const { method, path, endpoint, open } of ROUTES) {
    router.register(path, method === 'GET' ? ['GET', 'HEAD'] : [method], async (ctx: Context) => {
      ctx.state['route'] = path
      await endpoints[endpoint](ctx)
    })
    if (open) router.register(path, ['OPTIONS'], preflight)
    methodsOf.set(path, [
      ...(methodsOf.get(path) ?? []),
      ...(method === 'GET' ? ['GET', 'HEAD'] : [method]),
      ...(open ? ['OPTIONS'] : []),
    ])
  }
  const patterns = [...methodsOf.keys()]
    .filter((path) => path.includes(':'))
    .map((path) => ({ path, form: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`) }))
  const serve = router.routes()

  return async (ctx, next) => {
    const path = methodsOf.has(ctx.path) ? ctx.path : patterns.find(({ form }) => form.test(ctx.path))?.path
    const methods = path === undefined ? undefined : methodsOf.get(path)
    if (!methods) throw new HttpError(404, 'no_such_path', 'there is nothing at this path')
    if (!methods.includes(ctx.method)) {
      ctx.state['route'] = path
      throw new HttpError(405, 'method_not_allowed', 'this method does nothing here', {
        allow: methods.join(', '),
      })
    }
    await serve(ctx as never, next)
  }
}

async function preflight(ctx: Context): Promise<void> {
  ctx.status = 204
  ctx.set({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-max-age': '86400',
  })
}

import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { CrossOrigin } from './cross-origin.ts'
import { beginDjango, describeDjango } from './django/view.ts'
import { HttpError } from './http-error.ts'
import { type Endpoint, type Endpoints, ROUTES } from './route-table.ts'

/** What is at a path: its name in log and metrics, and what may be done with it. */
interface Resource {
  readonly route: string
  /** In the order of `Allow`; HEAD is answered as GET is. */
  readonly methods: Map<string, Endpoint>
  readonly isDjango: boolean
  readonly isCrossOrigin: boolean
}

/**
 * The router: paths match as they are written (case, slashes and percent signs included), so that no second spelling
 * goes past a check. HEAD is served where GET is; any other method on a known path is 405 with `Allow` (RFC 9110 §15.5.6).
 */
export function routes(endpoints: Endpoints, crossOrigin: CrossOrigin): Middleware {
  const resources = new Map<string, Resource>()
  for (const { method, path: route, endpoint, open = false, django = false, ...more } of ROUTES) {
    for (const path of django ? [route, route.slice(0, -1)] : [route]) {
      const methods = resources.get(path)?.methods ?? new Map<string, Endpoint>()
      methods.set(method, endpoints[endpoint])
      if (method === 'GET') methods.set('HEAD', endpoints[endpoint])
      // Last: it has its place behind those that do something.
      methods.delete('OPTIONS')
      if (open) methods.set('OPTIONS', preflight)
      if (django) methods.set('OPTIONS', describeDjango)
      const isCrossOrigin = django || more.crossOrigin === true
      resources.set(path, { route, methods, isDjango: django, isCrossOrigin })
    }
  }
  const patterns = new Router({ sensitive: true, strict: true })
  for (const path of resources.keys()) if (path.includes(':')) patterns.register(path, ['GET'], noop)

  function patternOf(path: string): string {
    return String(patterns.match(path, 'GET').path[0]?.path ?? '')
  }

  return async (ctx) => {
    // Nearly every request is for a path without a parameter, which need not be compared with all that there are.
    const resource = resources.get(ctx.path) ?? resources.get(patternOf(ctx.path))
    if (!resource) throw new HttpError(404, 'no_such_path', 'there is nothing at this path')
    const { methods, isDjango, isCrossOrigin } = resource
    ctx.state['route'] = resource.route
    if (isDjango) beginDjango(ctx, allowed(methods))
    if (isCrossOrigin) ctx.vary('Origin')
    const isPage = isCrossOrigin && ctx.req.headers.origin !== undefined
    if (isPage && (await crossOrigin.begin(ctx, [...methods.keys()]))) return
    const endpoint = methods.get(ctx.method)
    if (!endpoint) {
      throw new HttpError(405, 'method_not_allowed', 'this method does nothing here', {
        allow: allowed(methods),
      })
    }
    if (!isPage) return endpoint(ctx)
    try {
      await endpoint(ctx)
    } finally {
      await crossOrigin.end(ctx)
    }
  }
}

function noop(): void {}

function allowed(methods: ReadonlyMap<string, Endpoint>): string {
  return [...methods.keys()].join(', ')
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

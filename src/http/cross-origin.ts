import type { Context } from 'koa'
import type { ClientsOfOrigin } from '../clients/allowed-origins.ts'
import { DJANGO_CLIENT_ID } from '../clients/django-client.ts'
import { notedPrincipals } from '../telemetry/request-context.ts'
import { isDjango } from './django/view.ts'

/** What a page may send beyond what any form may. */
const REQUEST_HEADERS = 'authorization, content-type'
/** What a page may read beyond the body. */
const RESPONSE_HEADERS = 'retry-after, www-authenticate, x-request-id'
/** How long a browser remembers a preflight: an origin that is taken off the list is refused after it. */
const PREFLIGHT_SECONDS = 600

/**
 * Lets web pages of a client's registered origins read its answers (Fetch §3.2, CORS); of all others the browser shows
 * them nothing. Cookies are never part of it: `Access-Control-Allow-Credentials` is not sent.
 */
export interface CrossOrigin {
  /**
   * Before a request with an `Origin` is served.
   * @param methods those of the path
   * @returns true where it was a preflight, and this was the answer
   */
  begin(ctx: Context, methods: readonly string[]): Promise<boolean>
  /** After it: nobody reads the answer to a client that has not named the page's origin. */
  end(ctx: Context): Promise<void>
}

/** Makes it. A page that is refused gets what is not for pages gets: the answer, without the header. */
export function crossOrigin(clientsOf: ClientsOfOrigin): CrossOrigin {
  return {
    async begin(ctx, methods) {
      const origin = ctx.get('origin')
      if (origin === '') return false
      const clients = await clientsOf(origin)
      if (isDjango(ctx) ? !clients.has(DJANGO_CLIENT_ID) : clients.size === 0) return false
      ctx.set('access-control-allow-origin', origin)
      if (ctx.method !== 'OPTIONS' || ctx.get('access-control-request-method') === '') {
        ctx.set('access-control-expose-headers', RESPONSE_HEADERS)
        return false
      }
      ctx.status = 204
      ctx.set({
        'access-control-allow-methods': methods.filter((method) => method !== 'OPTIONS').join(', '),
        'access-control-allow-headers': REQUEST_HEADERS,
        'access-control-max-age': String(PREFLIGHT_SECONDS),
      })
      return true
    },

    async end(ctx) {
      const origin = ctx.response.get('access-control-allow-origin')
      const { client } = notedPrincipals()
      if (origin === '' || client === undefined || isDjango(ctx)) return
      if ((await clientsOf(origin)).has(client)) return
      ctx.remove('access-control-allow-origin')
      ctx.remove('access-control-expose-headers')
    },
  }
}

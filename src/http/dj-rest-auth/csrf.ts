import type { Context } from 'koa'
import type { ClientsOfOrigin } from '../../clients/allowed-origins.ts'
import { DJANGO_CLIENT_ID } from '../../clients/django-client.ts'
import { digestSecret, equalDigests } from '../../crypto/secret.ts'
import { DjangoError } from '../django/django-error.ts'
import type { TokenCookies } from './token-cookies.ts'

/** Keeps other sites from having a browser act with its cookies. All throw DjangoError 403, in Django's words. */
export interface CsrfChecks {
  /** For a login, where there is no cookie yet: it must not be another site that signs a browser in. */
  origin(ctx: Context): Promise<void>
  /** For whatever cookies alone allow: the origin, and the cookie `csrftoken` repeated in the header `X-CSRFToken`. */
  token(ctx: Context): Promise<void>
}

/** What they ask. */
export interface CsrfParts {
  readonly issuer: string
  readonly cookies: TokenCookies
  /** Those of the client `django` are ours, too: where a proxy has the front end and us on one host. */
  readonly origins: ClientsOfOrigin
}

/**
 * Makes the checks. A site elsewhere can neither choose its `Origin` nor add a header without asking first (Fetch
 * §4.10), and nobody but ours is told yes; a host beside ours that plants a cookie of its own stands before the same two.
 */
export function csrfChecks({ issuer, cookies, origins }: CsrfParts): CsrfChecks {
  const own = new URL(issuer).origin

  async function origin(ctx: Context): Promise<void> {
    const given = ctx.get('origin')
    if (given === own || (given !== '' && (await origins(given)).has(DJANGO_CLIENT_ID))) return
    if (given !== '') throw refused('Origin checking failed.', 'csrf_origin')
    // Browsers that send no Origin say this; what is no browser says neither, and nobody else's cookies are in it.
    if (/^(cross|same)-site$/.test(ctx.get('sec-fetch-site')))
      throw refused('Origin checking failed.', 'csrf_site')
  }

  return {
    origin,
    async token(ctx) {
      await origin(ctx)
      const [cookie, header] = [cookies.readCsrf(ctx), ctx.get('x-csrftoken')]
      if (cookie === undefined || cookie === '') throw refused('CSRF cookie not set.', 'csrf_cookie_missing')
      if (header === '') throw refused('CSRF token missing.', 'csrf_token_missing')
      if (!equalDigests(digestSecret(cookie), digestSecret(header)))
        throw refused('CSRF token incorrect.', 'csrf_token_wrong')
    },
  }
}

function refused(why: string, reason: string): DjangoError {
  return new DjangoError(403, { detail: `CSRF Failed: ${why}` }, reason)
}

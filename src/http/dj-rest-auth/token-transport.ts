import type { Context } from 'koa'
import type { Client } from '../../clients/client.ts'
import { type Lifetimes, lifetimesOf } from '../../tokens/lifetimes.ts'
import { DjangoError } from '../django/django-error.ts'
import { textFields } from '../django/fields.ts'
import type { Fields } from '../django/read-body.ts'
import type { TokenPair } from '../django/token-pair.ts'
import type { CsrfChecks } from './csrf.ts'
import type { TokenCookies } from './token-cookies.ts'

/** How tokens reach the front end, and how the refresh token comes back: in bodies or in cookies. */
export interface TokenTransport {
  /** @throws DjangoError 403 for a login that another site makes a browser send */
  checkLogin(ctx: Context): Promise<void>
  /** Hands out the tokens of a login; returns what the body says of them. */
  begin(
    ctx: Context,
    tokens: TokenPair,
    client: Client,
  ): { readonly access: string; readonly refresh: string }
  /** The same of a refresh. */
  renew(
    ctx: Context,
    tokens: TokenPair,
    client: Client,
  ): { readonly access: string; readonly refresh?: string }
  /** The refresh token of a request. @throws DjangoError 403 where its cookies are not enough */
  take(ctx: Context, fields: Fields): Promise<string | undefined>
  /** Takes back what it can, where the session is over. */
  forget(ctx: Context): void
  /** What the refusal of a logout without a refresh token calls the place where it should have been. */
  readonly place: string
}

/** As JSON: for apps, and for front ends on other sites. */
export const inBodies: TokenTransport = {
  async checkLogin() {},
  begin: (_ctx, { access, refresh }) => ({ access, refresh }),
  renew: (_ctx, { access, refresh }) => ({ access, refresh }),
  take: async (_ctx, fields) => textFields(fields, { refresh: { optional: true } }).refresh,
  forget() {},
  place: 'request',
}

/** As cookies that scripts cannot read. A refresh token in a body is not looked at: scripts must have no use for one. */
export function inCookies(parts: {
  readonly cookies: TokenCookies
  readonly csrf: CsrfChecks
  readonly lifetimes: Lifetimes
}): TokenTransport {
  const { cookies, csrf, lifetimes } = parts
  const idleSeconds = (client: Client) => lifetimesOf(client, lifetimes).refreshIdleTtlSeconds
  return {
    checkLogin: csrf.origin,
    begin(ctx, tokens, client) {
      cookies.set(ctx, tokens, idleSeconds(client))
      return { access: tokens.access, refresh: '' }
    },
    renew(ctx, tokens, client) {
      cookies.set(ctx, tokens, idleSeconds(client), cookies.readCsrf(ctx))
      return { access: tokens.access }
    },
    async take(ctx) {
      // Also where there is no cookie: the answer takes cookies back, and no other site is to have that done.
      await csrf.origin(ctx)
      const refresh = cookies.readRefresh(ctx)
      if (refresh === undefined || refresh === '') return undefined
      await csrf.token(ctx)
      return refresh
    },
    forget: cookies.clear,
    place: 'cookie',
  }
}

/** dj-rest-auth's 401 for a logout that says nothing of which session. */
export function refreshMissing(place: string): DjangoError {
  const detail = `Refresh token was not included in ${place} data.`
  return new DjangoError(401, { detail }, 'refresh_token_missing')
}

import { randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import type { TokenPair } from '../django/token-pair.ts'

/** Where a refresh token is needed, and so where a browser sends it. */
const REFRESH_PATH = '/dj-rest-auth/'
/** As Django names it: front ends look for it. They copy it into the header `X-CSRFToken`. */
const CSRF = 'csrftoken'
const CSRF_BYTES = 24

/** The cookies of cookie mode. */
export interface TokenCookies {
  readAccess(ctx: Context): string | undefined
  readRefresh(ctx: Context): string | undefined
  readCsrf(ctx: Context): string | undefined
  /**
   * Sets all three.
   * @param refreshSeconds how long the session lives on if it is not used
   * @param csrf the one that other tabs know already, where there is one
   */
  set(ctx: Context, tokens: TokenPair, refreshSeconds: number, csrf?: string): void
  /** Has the browser forget all three. */
  clear(ctx: Context): void
}

/**
 * The tokens' cookies are HttpOnly, SameSite=Lax and, but where the issuer is plain HTTP on loopback, Secure, with the
 * prefixes that keep other hosts and plain HTTP from setting them (RFC 6265bis §4.1.3). The refresh token goes only to the
 * endpoints that need it.
 * @param isSecure whether browsers reach us by HTTPS
 */
export function tokenCookies(isSecure: boolean): TokenCookies {
  const access = isSecure ? '__Host-access' : 'access'
  const refresh = isSecure ? '__Secure-refresh' : 'refresh'

  function put(ctx: Context, name: string, value: string | null, seconds = 0): void {
    // A proxy in front ends TLS: that our own socket is plain says nothing about the browser's.
    ctx.cookies.secure = isSecure
    ctx.cookies.set(name, value, {
      path: name === refresh ? REFRESH_PATH : '/',
      maxAge: seconds * 1000,
      httpOnly: name !== CSRF,
      sameSite: 'lax',
      secure: isSecure,
      overwrite: true,
    })
  }

  return {
    readAccess: (ctx) => ctx.cookies.get(access),
    readRefresh: (ctx) => ctx.cookies.get(refresh),
    readCsrf: (ctx) => ctx.cookies.get(CSRF),
    set(ctx, tokens, refreshSeconds, csrf = randomBytes(CSRF_BYTES).toString('base64url')) {
      put(ctx, access, tokens.access, tokens.expiresInSeconds)
      put(ctx, refresh, tokens.refresh, refreshSeconds)
      put(ctx, CSRF, csrf, refreshSeconds)
    },
    clear(ctx) {
      for (const name of [access, refresh, CSRF]) put(ctx, name, null)
    },
  }
}

import type { Context } from 'koa'
import type { Keyring } from '../../keys/keyring.ts'

/**
 * GET /.well-known/jwks.json (RFC 7517 §5), from memory: it answers with both stores down. What may be kept, and how
 * long, follows from the rotation schedule.
 */
export function jwksEndpoint(keyring: Keyring) {
  return async (ctx: Context): Promise<void> => {
    const { body, etag, cacheControl } = keyring.jwks()
    ctx.set({ etag, 'cache-control': cacheControl, 'access-control-allow-origin': '*' })
    ctx.remove('pragma')
    if (matches(ctx.get('if-none-match'), etag)) {
      ctx.status = 304
      return
    }
    ctx.type = 'application/jwk-set+json'
    ctx.body = body
  }
}

/** RFC 9110 §13.1.2, weak comparison. */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === '*') return true
  const plain = (tag: string) => tag.trim().replace(/^W\//, '')
  return ifNoneMatch.split(',').some((tag) => plain(tag) === plain(etag))
}

import type { Context } from 'koa'
import type { PublishedJwks } from '../../keys/jwks.ts'
import type { Keyring } from '../../keys/keyring.ts'

/**
 * GET /.well-known/jwks.json (RFC 7517 §5), from memory: it answers with both stores down. What may be kept, and how
 * long, follows from the rotation schedule.
 */
export function jwksEndpoint(keyring: Keyring) {
  return async (ctx: Context): Promise<void> => {
    const { body, ...jwks } = keyring.jwks()
    ctx.set({ ...jwksHeaders(jwks) })
    ctx.remove('pragma')
    if (matchesEtag(ctx.get('if-none-match'), jwks.etag)) {
      ctx.status = 304
      return
    }
    ctx.type = 'application/jwk-set+json'
    ctx.body = body
  }
}

/** What the key set is sent with: by whom it may be read, and for how long it may be kept. */
export function jwksHeaders({ etag, cacheControl }: Pick<PublishedJwks, 'etag' | 'cacheControl'>) {
  return { etag, 'cache-control': cacheControl, 'access-control-allow-origin': '*' }
}

/** RFC 9110 §13.1.2, weak comparison. */
export function matchesEtag(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === '*') return true
  const plain = (tag: string) => tag.trim().replace(/^W\//, '')
  return ifNoneMatch.split(',').some((tag) => plain(tag) === plain(etag))
}

import { createServer } from 'node:http'
import { freePort } from '../support/ports.ts'

/** A shared cache in front of the JWKS, on its worst behaviour. */
export interface Edge {
  readonly url: string
  close(): Promise<void>
}

/**
 * Opens a cache that uses all the staleness that Cache-Control permits: max-age, then stale-while-revalidate, then
 * stale-if-error, as a chain of caches may whose origin cannot be reached. Only then it asks again, conditionally.
 */
export async function openEdge(jwksUrl: string): Promise<Edge> {
  let kept: { body: string; etag: string; until: number } | undefined
  let fetching: Promise<string | undefined> | undefined

  /** @returns the set as it is now; undefined where it cannot be had */
  async function refresh(): Promise<string | undefined> {
    const headers = kept ? { 'if-none-match': kept.etag } : {}
    const response = await fetch(jwksUrl, { headers })
    const body = await response.text()
    const until = performance.now() + permittedMs(response.headers.get('cache-control') ?? '')
    if (response.status === 304 && kept) kept = { ...kept, until }
    else if (response.status === 200) kept = { body, etag: response.headers.get('etag') ?? '', until }
    else return undefined
    return kept.body
  }

  /** One fetch at a time, as a cache collapses requests. */
  function current(): Promise<string | undefined> | string {
    if (kept && performance.now() < kept.until) return kept.body
    fetching ??= refresh()
      .catch(() => undefined)
      .finally(() => {
        fetching = undefined
      })
    return fetching
  }

  const port = await freePort()
  const server = createServer(async (_request, response) => {
    const body = await current()
    if (body === undefined) response.writeHead(502).end()
    else response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${port}/.well-known/jwks.json`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function permittedMs(cacheControl: string): number {
  const seconds = [...cacheControl.matchAll(/(?:max-age|stale-while-revalidate|stale-if-error)=(\d+)/g)]
  return seconds.reduce((sum, [, value]) => sum + Number(value), 0) * 1000
}

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import Koa from 'koa'
import {
  type AccessTokenClaims,
  expressBearer,
  fastifyBearer,
  fetchBearer,
  koaBearer,
  type Verifier,
} from '../../src/resource/index.ts'
import { afterwards } from '../support/root-hooks.ts'

declare module 'fastify' {
  interface FastifyRequest {
    accessToken?: AccessTokenClaims
  }
}

/** Starts a server that greets at `/`, and at `/read` and `/admin` whoever has that scope. Returns its origin. */
export type StartFramework = (verifier: Verifier) => Promise<string>

const greeting = (claims: AccessTokenClaims | undefined) => ({ hello: claims?.username ?? claims?.client_id })

/** Each of them as its own documentation says, and the adapter as ours does. */
export const FRAMEWORKS: Readonly<Record<string, StartFramework>> = {
  async Koa(verifier) {
    const app = new Koa()
    const guards: Record<string, Koa.Middleware> = {
      '/': koaBearer(verifier),
      '/read': koaBearer(verifier, { scope: 'read' }),
      '/admin': koaBearer(verifier, { scope: 'admin' }),
    }
    app.use((ctx, next) => guards[ctx.path]?.(ctx, next))
    app.use((ctx) => {
      ctx.body = greeting(ctx.state['accessToken'])
    })
    return listening(createServer(app.callback()))
  },

  async Express(verifier) {
    const app = express()
    const hello: express.Handler = (_, res) => void res.json(greeting(res.locals['accessToken']))
    app.get('/', expressBearer(verifier), hello)
    app.get('/read', expressBearer(verifier, { scope: 'read' }), hello)
    app.get('/admin', expressBearer(verifier, { scope: 'admin' }), hello)
    return listening(createServer(app))
  },

  async Fastify(verifier) {
    const app = fastify()
    const hello = async (request: FastifyRequest) => greeting(request.accessToken)
    app.decorateRequest('accessToken')
    app.get('/', { onRequest: fastifyBearer(verifier) }, hello)
    app.get('/read', { onRequest: fastifyBearer(verifier, { scope: 'read' }) }, hello)
    app.get('/admin', { onRequest: fastifyBearer(verifier, { scope: 'admin' }) }, hello)
    afterwards(() => app.close())
    return app.listen({ port: 0, host: '127.0.0.1' })
  },

  async 'fetch handlers'(verifier) {
    const hello = (_: Request, claims: AccessTokenClaims) => Response.json(greeting(claims))
    const handlers: Record<string, (request: Request) => Promise<Response>> = {
      '/': fetchBearer(verifier, {}, hello),
      '/read': fetchBearer(verifier, { scope: 'read' }, hello),
      '/admin': fetchBearer(verifier, { scope: 'admin' }, hello),
    }
    // What Bun, Deno and workers do by themselves.
    const server = createServer(async (incoming, outgoing) => {
      const headers = new Headers()
      for (const [at, name] of incoming.rawHeaders.entries()) {
        if (at % 2 === 0) headers.append(name, incoming.rawHeaders[at + 1] ?? '')
      }
      const url = new URL(incoming.url ?? '/', 'http://localhost')
      const response = await handlers[url.pathname]?.(new Request(url, { headers }))
      const text = (await response?.text()) ?? ''
      const length = { 'content-length': Buffer.byteLength(text) }
      outgoing.writeHead(response?.status ?? 404, {
        ...Object.fromEntries(response?.headers ?? []),
        ...length,
      })
      outgoing.end(text)
    })
    return listening(server)
  },
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
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

const SCOPES: Readonly<Record<string, string>> = { '/read': 'read', '/admin': 'admin' }
const PATHS = ['/', ...Object.keys(SCOPES)]
const greeting = (claims: AccessTokenClaims | undefined) => ({ hello: claims?.username ?? claims?.client_id })

/** Each of them as its own documentation says, and the adapter as ours does. */
export const FRAMEWORKS: Readonly<Record<string, StartFramework>> = {
  async Koa(verifier) {
    const app = new Koa()
    const guards = Object.fromEntries(
      PATHS.map((path) => [path, koaBearer(verifier, { scope: SCOPES[path] })]),
    )
    app.use((ctx, next) => guards[ctx.path]?.(ctx, next))
    app.use((ctx) => {
      ctx.body = greeting(ctx.state['accessToken'])
    })
    return listening(createServer(app.callback()))
  },

  async Express(verifier) {
    const app = express()
    for (const path of PATHS) {
      app.get(path, expressBearer(verifier, { scope: SCOPES[path] }), (_, res) => {
        res.json(greeting(res.locals['accessToken']))
      })
    }
    return listening(createServer(app))
  },

  async Fastify(verifier) {
    const app = fastify()
    app.decorateRequest('accessToken')
    for (const path of PATHS) {
      const onRequest = fastifyBearer(verifier, { scope: SCOPES[path] })
      app.get(path, { onRequest }, async (request) => greeting(request.accessToken))
    }
    afterwards(() => app.close())
    return app.listen({ port: 0, host: '127.0.0.1' })
  },

  async 'fetch handlers'(verifier) {
    const handlers = new Map(
      PATHS.map((path) => {
        const handler = (_: Request, claims: AccessTokenClaims) => Response.json(greeting(claims))
        return [path, fetchBearer(verifier, { scope: SCOPES[path] }, handler)]
      }),
    )
    // What Bun, Deno and workers do by themselves.
    const server = createServer(async (incoming, outgoing) => {
      const headers = new Headers()
      for (const [at, name] of incoming.rawHeaders.entries()) {
        if (at % 2 === 0) headers.append(name, incoming.rawHeaders[at + 1] ?? '')
      }
      const url = new URL(incoming.url ?? '/', 'http://localhost')
      const response = await handlers.get(url.pathname)?.(new Request(url, { headers }))
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

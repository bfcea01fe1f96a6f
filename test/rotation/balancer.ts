import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { freePort } from '../support/ports.ts'

/** A load balancer such as people have: in turn, to the nodes that say they are ready. */
export interface Balancer {
  readonly origin: string
  close(): Promise<void>
}

/** Often enough to notice a node that drains, rarely enough that one that stands still is still asked. */
const CHECK_EVERY_MS = 200
const CHECK_TIMEOUT_MS = 1000

/**
 * Shares requests out over `origins`. A connection that is refused, and a GET that fails, go to the next node. Where no
 * node is ready all of them are asked, as balancers do: a key set is served also then.
 */
export async function openBalancer(origins: readonly string[]): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const ready = new Set(origins)
  const checking = new Set<string>()
  let turn = 0

  async function check(origin: string): Promise<void> {
    if (checking.has(origin)) return
    checking.add(origin)
    const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS)
    const answer = await fetch(`${origin}/readyz`, { signal }).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) ready.add(origin)
    else ready.delete(origin)
    checking.delete(origin)
  }

  /** Every node once, those that are ready first, each time beginning with another. */
  function inTurn(): string[] {
    turn = (turn + 1) % origins.length
    const rotated = [...origins.slice(turn), ...origins.slice(0, turn)]
    return [
      ...rotated.filter((origin) => ready.has(origin)),
      ...rotated.filter((origin) => !ready.has(origin)),
    ]
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await incoming.toArray())
    for (const origin of inTurn()) {
      const outcome = await pass(origin, incoming, body, response)
      if (outcome === 'refused') ready.delete(origin) // it is asked again when it says that it is back
      if (outcome === 'answered') return
      if (outcome === 'failed' && incoming.method !== 'GET') break
    }
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end()
  }

  function pass(origin: string, incoming: IncomingMessage, body: Buffer, response: ServerResponse) {
    return new Promise<'answered' | 'refused' | 'failed'>((resolve) => {
      const options = { agent, method: incoming.method ?? 'GET', headers: incoming.headers }
      const outgoing = request(new URL(incoming.url ?? '/', origin), options, (answered) => {
        answered.toArray().then(
          (parts) => {
            response.writeHead(answered.statusCode ?? 502, answered.headers).end(Buffer.concat(parts))
            resolve('answered')
          },
          () => resolve('failed'),
        )
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'failed')
      })
      outgoing.end(body)
    })
  }

  const port = await freePort()
  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const timer = setInterval(() => {
    for (const origin of origins) void check(origin)
  }, CHECK_EVERY_MS)
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      clearInterval(timer)
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

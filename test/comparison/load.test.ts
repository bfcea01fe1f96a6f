import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { openConnection } from '../../bench/comparison/load/connection.ts'
import { prepareStream } from '../../bench/comparison/load/drive.ts'
import type { Operation, Pace, Stream } from '../../bench/comparison/load/protocol.ts'
import { afterwards } from '../support/root-hooks.ts'

/** Long enough for hundreds of requests. */
const RUN_MS = 150

describe('the load generator of the benchmark', () => {
  it('reads answers however they are framed', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/chunked') response.write('{"a":')
      if (request.url === '/closed') response.setHeader('connection', 'close')
      const rest = request.url === '/chunked' ? '1}' : '{"a":1}'
      if (request.url !== '/chunked') response.setHeader('content-length', rest.length)
      response.end(rest)
    })
    const connection = openConnection(port)
    for (const path of ['/length', '/chunked', '/closed', '/chunked', '/length']) {
      const answer = await connection.ask(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
      expect(answer).to.include({ status: 200, body: '{"a":1}' })
    }
    connection.close()
  })

  it('presents what each connection was given last, and nothing twice', async () => {
    const presented = new Set<string>()
    const port = await serve((_, response, body) => {
      const known = presented.has(body)
      presented.add(body)
      const [chain, generation] = body.split('.')
      response.statusCode = known ? 400 : 200
      response.end(JSON.stringify({ refresh_token: `${chain}.${Number(generation) + 1}` }))
    })
    const result = await run(
      port,
      stream([{ share: 1, operation: REFRESH }], { kind: 'closed', connections: 4 }),
    )
    expect(result.errors).to.deep.equal({})
    expect(result.answered).to.equal(presented.size)
    expect([...presented].filter((token) => token.endsWith('.1'))).to.have.lengthOf(4)
  })

  it('mixes operations by their shares', async () => {
    const asked: Record<string, number> = {}
    const port = await serve((request, response) => {
      asked[request.url ?? ''] = (asked[request.url ?? ''] ?? 0) + 1
      response.end('{}')
    })
    const operations = Object.entries({ '/a': 80, '/b': 10, '/c': 10 }).map(([path, share]) => {
      return { share, operation: { ...REFRESH, path, renews: { refresh: 'any' } } }
    })
    const { answered } = await run(port, stream(operations, { kind: 'closed', connections: 4 }))
    expect(answered).to.be.greaterThan(20)
    expect(asked['/a']).to.be.closeTo(answered * 0.8, 2)
    expect(asked['/b']).to.be.closeTo(answered * 0.1, 2)
  })

  it('sends an open stream’s requests, no more and no fewer, and counts refusals as errors', async () => {
    let asked = 0
    const port = await serve((_, response) => {
      response.statusCode = asked++ % 2 === 0 ? 200 : 503
      response.end('{}')
    })
    const pace = { kind: 'open', connections: 3, perSecond: 200 } as const
    const result = await run(port, stream([{ share: 1, operation: REFRESH }], pace))
    expect(asked).to.equal((RUN_MS * pace.perSecond) / 1000)
    expect(result).to.deep.include({ answered: asked / 2, errors: { 'status 503': asked / 2 } })
  })

  it('does not take an answer for good that lacks what it must have', async () => {
    const port = await serve((_, response) => response.end('{"active":false}'))
    const operation = { ...REFRESH, expects: '"active":true' }
    const result = await run(port, stream([{ share: 1, operation }], { kind: 'closed', connections: 1 }))
    expect(result.answered).to.equal(0)
    expect(Object.keys(result.errors)).to.deep.equal(['not "active":true'])
  })
})

const REFRESH: Operation = {
  name: 'refresh',
  method: 'POST',
  path: '/',
  headers: {},
  body: '$refresh',
  renews: { refresh: 'refresh_token' },
}

function stream(operations: Stream['operations'], pace: Pace): Stream {
  return { name: 'tested', operations, pace }
}

async function run(port: number, tested: Stream) {
  const sessions = ['a.1', 'b.1', 'c.1', 'd.1'].map((refresh) => ({ tokens: { refresh, access: '' } }))
  return (await prepareStream(tested, port, sessions))(RUN_MS)
}

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<number> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    answer(request, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { lookAtService } from '../../src/doctor/service-check.ts'
import { freePort } from '../support/ports.ts'
import { afterwards } from '../support/root-hooks.ts'

async function serving(answer: RequestListener): Promise<{ host: string; port: number }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    server.closeAllConnections()
    server.close()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

describe('the doctor and a running service', () => {
  it('none is no failure: it may run elsewhere', async () => {
    const finding = await lookAtService({ host: '127.0.0.1', port: await freePort() })
    expect(finding).to.include({ status: 'skipped', advice: null })
  })

  it('one that is ready says so, also where it listens on all addresses', async () => {
    const { port } = await serving((_request, response) => {
      response.end(JSON.stringify({ status: 'ready', parts: { postgres: 'ready', redis: 'ready' } }))
    })
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const finding = await lookAtService({ host, port })
      expect(finding.status).to.equal('ok')
      expect(finding.found).to.include('ready (postgres: ready, redis: ready)')
    }
  })

  it('one that is not ready fails, with the part that is not', async () => {
    const service = await serving((_request, response) => {
      response.writeHead(503).end(JSON.stringify({ status: 'not ready', parts: { postgres: 'no answer' } }))
    })
    const finding = await lookAtService(service)
    expect(finding.status).to.equal('fail')
    expect(finding.found).to.include('postgres: no answer')
  })

  for (const [what, body] of [
    ['a page', '<h1>It works</h1>'],
    ['other JSON', '{"status":"UP"}'],
    ['null', 'null'],
  ] as const) {
    it(`something else on the port, which answers with ${what}, is found`, async () => {
      const service = await serving((_request, response) => response.end(body))
      expect(await lookAtService(service)).to.include({ status: 'fail' })
    })
  }
})

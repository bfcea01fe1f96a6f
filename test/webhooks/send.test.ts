import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { isPublicAddress, resolveHost } from '../../src/webhooks/public-address.ts'
import { makeSendWebhook } from '../../src/webhooks/send.ts'
import { afterwards } from '../support/root-hooks.ts'

async function receiver(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    request.resume().on('end', () => answer(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    server.close()
    server.closeAllConnections()
  })
  return { port: (server.address() as AddressInfo).port, requests: () => requests }
}

const inside = makeSendWebhook({ resolve: resolveHost, allowsPrivate: true })

describe('a request to a webhook', () => {
  it('is delivered where the answer is 2xx, and gone where it is 410', async () => {
    for (const [status, outcome] of [
      [200, { outcome: 'delivered' }],
      [204, { outcome: 'delivered' }],
      [410, { outcome: 'gone', reason: 'status_410' }],
      [500, { outcome: 'failed', reason: 'status_500' }],
      [304, { outcome: 'failed', reason: 'status_304' }],
    ] as const) {
      const { port } = await receiver((_request, response) => response.writeHead(status).end('ignored'))
      expect(await inside(`http://127.0.0.1:${port}/`, {}, '{}'), `${status}`).to.deep.equal(outcome)
    }
  })

  it('follows no redirect', async () => {
    const other = await receiver((_request, response) => response.end())
    const { port } = await receiver((_request, response) =>
      response.writeHead(307, { location: `http://127.0.0.1:${other.port}/` }).end(),
    )
    expect(await inside(`http://127.0.0.1:${port}/`, {}, '{}')).to.deep.equal({
      outcome: 'failed',
      reason: 'status_307',
    })
    expect(other.requests()).to.equal(0)
  })

  it('fails in words where nobody listens, or nobody has the name', async () => {
    const { port } = await receiver((request) => request.socket.destroy())
    expect(await inside(`http://127.0.0.1:${port}/`, {}, '{}')).to.deep.equal({
      outcome: 'failed',
      reason: 'ECONNRESET',
    })
    const nobody = makeSendWebhook({ resolve: async () => [], allowsPrivate: true })
    expect(await nobody('https://hooks.example.com/', {}, '{}')).to.deep.equal({
      outcome: 'failed',
      reason: 'host_unknown',
    })
  })

  it('S-061 goes nowhere inside, whatever a name stands for, unless that is allowed', async () => {
    const { port, requests } = await receiver((_request, response) => response.end())
    const outside = makeSendWebhook({ resolve: resolveHost, allowsPrivate: false })
    const lying = makeSendWebhook({ resolve: async () => ['127.0.0.1', '::1'], allowsPrivate: false })
    const refused = { outcome: 'failed', reason: 'address_private' }
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]'])
      expect(await outside(`http://${host}:${port}/`, {}, '{}'), host).to.deep.equal(refused)
    expect(await lying(`http://hooks.example.com:${port}/`, {}, '{}')).to.deep.equal(refused)
    expect(requests()).to.equal(0)
    expect(await inside(`http://localhost:${port}/`, {}, '{}'), 'control').to.deep.equal({
      outcome: 'delivered',
    })
  })

  it('S-061 connects to the address that was looked at: a second look-up cannot answer otherwise', async () => {
    const { port } = await receiver((_request, response) => response.end())
    let looks = 0
    const resolve = async () => (looks++ === 0 ? ['127.0.0.1'] : ['192.0.2.1'])
    const once = makeSendWebhook({ resolve, allowsPrivate: true })
    expect((await once(`http://hooks.example.com:${port}/`, {}, '{}')).outcome).to.equal('delivered')
    expect(looks).to.equal(1)
  })

  it('S-061 knows which addresses are nobody’s on the Internet', () => {
    const inside =
      '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 198.18.0.1 224.0.0.1 255.255.255.255 ::1 :: fe80::1 fc00::1 fd12::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: nothing'
    for (const address of inside.split(' ')) expect(isPublicAddress(address), address).to.equal(false)
    for (const address of ['1.1.1.1', '172.32.0.1', '192.169.0.1', '2606:4700::1111'])
      expect(isPublicAddress(address), address).to.equal(true)
  })
})

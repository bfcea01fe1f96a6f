import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import fc from 'fast-check'
import { clientAddress } from '../../src/http/client-address.ts'
import { trustedProxies } from '../../src/http/trusted-proxies.ts'

/** The parts of a request that its address comes from. */
function from(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage
}

const addressOf = clientAddress(trustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']))

describe('where a request comes from', () => {
  const rows: [what: string, peer: string, forwarded: string | undefined, address: string][] = [
    ['a peer that is no proxy', '203.0.113.5', undefined, '203.0.113.5'],
    ['a peer that is no proxy and claims to speak for another', '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['a proxy that says nothing', '10.1.2.3', undefined, '10.1.2.3'],
    ['a proxy that says nothing of use', '10.1.2.3', '', '10.1.2.3'],
    ['a proxy', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['a proxy that is named by its address', '192.0.2.7', '198.51.100.1', '198.51.100.1'],
    ['its neighbour', '192.0.2.8', '198.51.100.1', '192.0.2.8'],
    ['a proxy behind a proxy', '10.1.2.3', '198.51.100.1, 10.9.9.9', '198.51.100.1'],
    [
      'a proxy, where the client has claimed something first',
      '10.1.2.3',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    ['a proxy, where the client claims to be one', '10.1.2.3', '10.5.5.5, 198.51.100.1', '198.51.100.1'],
    ['proxies all the way', '10.1.2.3', '10.5.5.5, 10.6.6.6', '10.1.2.3'],
    ['a proxy that names a port', '10.1.2.3', '1.1.1.1, 198.51.100.1:4711', '10.1.2.3'],
    ['a proxy that does not know', '10.1.2.3', '1.1.1.1, unknown', '10.1.2.3'],
    ['a proxy that names nobody last', '10.1.2.3', '1.1.1.1,', '10.1.2.3'],
    ['IPv4 over IPv6', '::ffff:203.0.113.5', undefined, '203.0.113.5'],
    ['a proxy over IPv6', '::ffff:10.1.2.3', '::ffff:198.51.100.1', '198.51.100.1'],
    ['an IPv6 proxy', '2001:db8::1', '2001:db9::1', '2001:db9::1'],
    ['a local proxy', '::1', '2001:db9::1, 2001:db8::5', '2001:db9::1'],
  ]
  for (const [what, peer, forwarded, address] of rows) {
    it(`S-022 ${what}`, () => {
      expect(addressOf(from(peer, forwarded))).to.equal(address)
    })
  }

  it('S-022 nobody but a proxy is ever believed', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (peer, forwarded) => {
        fc.pre(!peer.startsWith('10.') && peer !== '192.0.2.7')
        expect(addressOf(from(peer, forwarded))).to.equal(peer)
        expect(clientAddress(trustedProxies([]))(from(peer, forwarded))).to.equal(peer)
      }),
    )
  })

  it('S-022 what a client writes before it changes nothing of what a proxy has added', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), fc.ipV4(), (claim, client) => {
        fc.pre(!client.startsWith('10.') && client !== '192.0.2.7')
        expect(addressOf(from('10.0.0.1', `${claim}, ${client}`))).to.equal(client)
      }),
    )
  })

  it('a connection that is gone already has no address, and no error', () => {
    expect(addressOf(from(undefined, '198.51.100.1'))).to.equal('')
  })
})

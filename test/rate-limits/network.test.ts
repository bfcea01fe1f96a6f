import { expect } from 'chai'
import { isOwnMachine, networkOf } from '../../src/rate-limits/network.ts'

describe('the network of an address', () => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['2001:DB8:0001:0002::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1', 'fe80:0:0:0'],
  ] as const) {
    it(`S-105 ${address} counts as ${network}`, () => {
      expect(networkOf(address)).to.equal(network)
    })
  }

  it('this machine is known', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', '192.0.2.1', '1::1'].map(isOwnMachine)).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
    ])
  })
})

import { expect } from 'chai'
import { refusedLogin } from '../../src/users/refused-login.ts'

const from = (address: string | undefined) => ({ address, client: undefined })
const keyOf = (address: string | undefined) =>
  refusedLogin('identifier_unknown', undefined, from(address)).key

describe('the audit event of a refused login', () => {
  it('names the user and the client, where they are known, and is counted by user', () => {
    expect(refusedLogin('password_wrong', '7', { address: '192.0.2.1', client: 'shop' })).to.deep.equal({
      event: {
        event: 'login.refused',
        actor: 'client:shop',
        userId: '7',
        clientId: 'shop',
        details: { reason: 'password_wrong' },
      },
      key: 'user 7',
    })
  })

  it('of nobody is counted by address', () => {
    expect(refusedLogin('identifier_unknown', undefined, from('192.0.2.1'))).to.deep.equal({
      event: { event: 'login.refused', actor: 'anonymous', details: { reason: 'identifier_unknown' } },
      key: 'address 192.0.2.1',
    })
    expect(keyOf(undefined)).to.equal('address ')
  })

  it('an IPv6 address counts as its network, in any spelling', () => {
    for (const address of ['2001:db8:0:7::1', '2001:db8:0:7:a:b:c:d', '2001:db8:0:7::']) {
      expect(keyOf(address), address).to.equal('address 2001:db8:0:7')
    }
    expect(keyOf('2001:db8::1')).to.equal('address 2001:db8:0:0')
    expect(keyOf('::1')).to.equal('address 0:0:0:0')
  })
})

import { expect } from 'chai'
import { mayIntrospect } from '../../src/clients/client.ts'
import { exampleClient } from './fixtures.ts'

const API = 'https://api.example.com'

describe('who may introspect a token', () => {
  const resourceServer = exampleClient({ grants: [], audiences: [API] })
  const app = exampleClient({ audiences: [API] })

  const rows: [who: string, may: boolean, is: boolean][] = [
    ['the client it was issued to', true, mayIntrospect(app, { clientId: 'client_one', audience: [API] })],
    ['a client that it names', true, mayIntrospect(app, { clientId: 'x', audience: ['y', 'client_one'] })],
    [
      'a resource server it is for',
      true,
      mayIntrospect(resourceServer, { clientId: 'x', audience: ['y', API] }),
    ],
    [
      'a resource server it is not for',
      false,
      mayIntrospect(resourceServer, { clientId: 'x', audience: ['y'] }),
    ],
    [
      'a client that may only ask for such tokens',
      false,
      mayIntrospect(app, { clientId: 'x', audience: [API] }),
    ],
    [
      'anybody, where it is for nobody',
      false,
      mayIntrospect(resourceServer, { clientId: 'x', audience: [] }),
    ],
    [
      'a longer name',
      false,
      mayIntrospect(resourceServer, { clientId: 'x', audience: [`${API}/`, 'client_one2'] }),
    ],
  ]
  for (const [who, may, is] of rows) {
    it(`S-127 ${who}: ${may ? 'yes' : 'no'}`, () => {
      expect(is).to.equal(may)
    })
  }
})

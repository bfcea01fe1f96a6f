import { expect } from 'chai'
import { properties, table, toJson } from '../../src/cli/output.ts'

describe('what --json prints', () => {
  it('has the names of the wire, at every depth, and times in ISO 8601', () => {
    const data = {
      clientId: 'c1',
      accessTokenTtlSeconds: 600,
      createdAt: new Date(0),
      list: [{ redirectUris: ['https://a.example/aB'] }],
      disabledAt: null,
    }
    expect(JSON.parse(toJson(data))).to.deep.equal({
      client_id: 'c1',
      access_token_ttl_seconds: 600,
      created_at: '1970-01-01T00:00:00.000Z',
      list: [{ redirect_uris: ['https://a.example/aB'] }],
      disabled_at: null,
    })
  })

  it('leaves the names that the operator chose in extra as they are', () => {
    expect(toJson({ isStaff: true, extra: { favouriteColour: { aB: 1 } } })).to.equal(
      '{"is_staff":true,"extra":{"favouriteColour":{"aB":1}}}',
    )
  })

  it('is one line, whatever is in it', () => {
    expect(toJson({ name: 'a\nb\u2028\u001b[2J' })).to.equal('{"name":"a\\nb\u2028\\u001b[2J"}')
    expect(toJson(undefined)).to.equal('null')
    expect(toJson([])).to.equal('[]')
  })
})

describe('what people get', () => {
  const rows = [
    { username: 'alice', isStaff: true, email: 'alice@example.com' },
    { username: '𝒷ob', isStaff: false, email: null },
  ]

  it('is a table whose columns are aligned', () => {
    expect(table(rows, ['username', ['isStaff', 'staff'], 'email'], 'none').split('\n')).to.deep.equal([
      'USERNAME  STAFF  EMAIL',
      'alice     yes    alice@example.com',
      '𝒷ob       no     -',
    ])
  })

  it('is a sentence where the table would be empty', () => {
    expect(table([], ['username'], 'There are no users.')).to.equal('There are no users.')
  })

  it('is a line for each property of one thing', () => {
    expect(
      properties({ clientId: 'c1', scopes: ['a', 'b'], grants: [] }, ['clientId', 'scopes', 'grants']),
    ).to.equal('client id  c1\nscopes     a b\ngrants     -')
  })

  it('cannot move the cursor of a terminal or forge a line', () => {
    const shown = table([{ name: 'a\u001b[2Jb\nroot  yes\r\u202e' }], ['name'], '')
    expect(shown.split('\n')).to.have.length(2)
    expect(shown.split('\n')[1]).not.to.match(/\p{C}/u)
    expect(shown).to.include('root  yes')
  })
})

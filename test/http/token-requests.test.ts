import { createServer } from 'node:http'
import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'

const API = 'https://api.example.com'
const OTHER_API = 'https://other.example.com'
/** Names that a look-up in a plain object would find. */
const INHERITED = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then']

describe('a token request', () => {
  let keyturn: TestApp
  let client: TestClient
  before(async () => {
    keyturn = await startApp()
    client = await keyturn.createClient({ audiences: [API, OTHER_API] })
    await keyturn.createUser('alice')
  })

  const ask = (form: Record<string, string>, as = client) => keyturn.post('/oauth/token', form, as)
  const forItself = (form: Record<string, string> = {}, as = client) =>
    ask({ grant_type: 'client_credentials', ...form }, as)
  const errorOf = ({ status, body }: { status: number; body: { error: string } }) => [status, body.error]

  describe('its grant type', () => {
    it('S-050 that is missing is invalid_request, one that we do not have unsupported_grant_type', async () => {
      expect(errorOf(await ask({}))).to.deep.equal([400, 'invalid_request'])
      expect(errorOf(await ask({ grant_type: '' }))).to.deep.equal([400, 'invalid_request'])
      const unknown = [
        'implicit',
        'none',
        'authorization_code ',
        'CLIENT_CREDENTIALS',
        ' client_credentials',
        'x'.repeat(9000),
      ]
      for (const type of [
        ...unknown,
        'client_credentials refresh_token',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ]) {
        expect(errorOf(await ask({ grant_type: type })), type).to.deep.equal([400, 'unsupported_grant_type'])
      }
    })

    it('S-026 by a name that every object has is unsupported like any other', async () => {
      for (const name of INHERITED) {
        expect(errorOf(await ask({ grant_type: name })), name).to.deep.equal([400, 'unsupported_grant_type'])
        expect((await ask({ grant_type: 'client_credentials', [name]: name })).status, name).to.equal(200)
        expect(errorOf(await forItself({ scope: name })), name).to.deep.equal([400, 'invalid_scope'])
        expect(errorOf(await forItself({}, { id: name })), name).to.deep.equal([401, 'invalid_client'])
        expect(
          (await keyturn.post('/oauth/introspect', { token: name, token_type_hint: name }, client)).body,
        ).to.deep.equal({
          active: false,
        })
      }
      expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
      expect(Object.keys(Object.prototype)).to.deep.equal([])
    })

    it('S-051 that the client does not have is unauthorized_client', async () => {
      const bare = await keyturn.createClient({ grants: [] })
      for (const form of [
        { grant_type: 'client_credentials' },
        { grant_type: 'password', username: 'alice', password: keyturn.password },
        {
          grant_type: 'refresh_token',
          refresh_token: (await keyturn.signIn(client, 'alice')).body.refresh_token,
        },
      ]) {
        expect(errorOf(await ask(form, bare)), form.grant_type).to.deep.equal([400, 'unauthorized_client'])
      }
    })
  })

  it('S-052 S-053 is answered with what RFC 6749 has and nothing else', async () => {
    const { body } = await forItself()
    expect(body).to.have.all.keys('access_token', 'token_type', 'expires_in', 'scope')
    const claims = decodeJwt(body.access_token)
    expect(body.expires_in).to.equal(Number(claims.exp) - Number(claims.iat))
    expect(claims.sub)
      .to.equal(client.id)
      .and.to.match(/^client_/)
    expect((await keyturn.signIn(client, 'alice')).body).to.have.all.keys(
      'access_token',
      'token_type',
      'expires_in',
      'scope',
      'refresh_token',
    )
  })

  describe('its scope', () => {
    it('S-054 is granted as asked, duplicates folded, and nothing where nothing is asked but what the client has', async () => {
      expect((await forItself({ scope: 'write' })).body.scope).to.equal('write')
      expect((await forItself({ scope: 'write read write' })).body.scope).to.equal('write read')
      expect((await forItself()).body.scope).to.equal('read write')
      const scopeless = await keyturn.createClient({ scopes: [] })
      const { body } = await forItself({}, scopeless)
      expect([body.scope, decodeJwt(body.access_token)['scope']]).to.deep.equal([undefined, ''])
      expect(errorOf(await forItself({ scope: 'read' }, scopeless))).to.deep.equal([400, 'invalid_scope'])
    })

    it('S-054 that is unknown, not allowed, malformed or huge is invalid_scope', async () => {
      const values = [
        'admin',
        'read admin',
        'READ',
        'read  write',
        ' read',
        'read\twrite',
        '"read"',
        'rëad',
        '*',
        '.',
      ]
      for (const scope of [...values, 'read\u0001', 'x'.repeat(10_240), 'read,write', 'read\nwrite']) {
        expect(errorOf(await forItself({ scope })), scope.slice(0, 20)).to.deep.equal([400, 'invalid_scope'])
      }
      expect(errorOf(await forItself({ scope: 'read\0' }))).to.deep.equal([400, 'invalid_request'])
    })
  })

  describe('its resource', () => {
    it('S-055 names the audience, the first one of the client where it names none, and several by repetition', async () => {
      const audience = async (form: Record<string, string>) =>
        decodeJwt((await forItself(form)).body.access_token).aud
      expect(await audience({})).to.equal(API)
      expect(await audience({ resource: OTHER_API })).to.equal(OTHER_API)
      const { id, secret = '' } = client
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: id,
        client_secret: secret,
      })
      for (const resource of [OTHER_API, API, OTHER_API]) body.append('resource', resource)
      const answer = await fetch(`${keyturn.origin}/oauth/token`, { method: 'POST', body })
      const { access_token } = (await answer.json()) as { access_token: string }
      expect(decodeJwt(access_token).aud).to.deep.equal([OTHER_API, API])
    })

    it('S-055 that is relative, has a fragment or is not listed is invalid_target', async () => {
      const values = [
        '/api',
        'api.example.com',
        `${API}#x`,
        `${API}/`,
        `${API}:443`,
        'https://evil.example',
        client.id,
      ]
      for (const resource of [...values, keyturn.config.issuer, 'javascript:alert(1)', 'x'.repeat(9000)]) {
        expect(errorOf(await forItself({ resource })), resource.slice(0, 40)).to.deep.equal([
          400,
          'invalid_target',
        ])
      }
    })

    it('S-055 on refresh stays within what was granted', async () => {
      const narrow = await keyturn.signIn(client, 'alice', { resource: API })
      const { refresh_token: token } = narrow.body
      expect(errorOf(await keyturn.refresh(client, token, { resource: OTHER_API }))).to.deep.equal([
        400,
        'invalid_target',
      ])
      const again = await keyturn.refresh(client, token, { resource: API })
      expect([again.status, decodeJwt(again.body.access_token).aud]).to.deep.equal([200, API])
    })
  })

  it('S-060 no kind of token is taken for another', async () => {
    const { access_token: access, refresh_token: refresh } = (await keyturn.signIn(client, 'alice')).body
    for (const token of [access, client.secret ?? '', client.id, keyturn.password]) {
      expect(errorOf(await keyturn.refresh(client, token))).to.deep.equal([400, 'invalid_grant'])
    }
    for (const token of [refresh, access]) {
      expect(errorOf(await forItself({}, { id: client.id, secret: token }))).to.deep.equal([
        401,
        'invalid_client',
      ])
    }
    const bearer = { authorization: `Bearer ${access}` }
    const answer = await fetch(`${keyturn.origin}/oauth/introspect`, {
      method: 'POST',
      headers: bearer,
      body: new URLSearchParams({ token: refresh }),
    })
    expect(answer.status, 'a bearer is no client').to.equal(401)
    expect((await keyturn.refresh(client, refresh)).status, 'and nothing was consumed').to.equal(200)
  })

  it('S-061 parameters of what we do not have are ignored, and no address in them is asked', async () => {
    const asked: string[] = []
    const trap = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.end()
    })
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
    const { port } = trap.address() as { port: number }
    const url = `http://127.0.0.1:${port}/`
    try {
      const names = [
        'request',
        'request_uri',
        'registration',
        'claims',
        'jwks_uri',
        'logo_uri',
        'redirect_uri',
        'client_uri',
      ]
      const form = Object.fromEntries([...names, 'sector_identifier_uri'].map((name) => [name, url + name]))
      expect((await forItself(form)).status).to.equal(200)
      expect((await keyturn.post('/oauth/introspect', { ...form, token: url }, client)).body).to.deep.equal({
        active: false,
      })
      expect(errorOf(await keyturn.refresh(client, url, form))).to.deep.equal([400, 'invalid_grant'])
      expect(errorOf(await forItself({ resource: url }))).to.deep.equal([400, 'invalid_target'])
      expect(asked).to.deep.equal([])
      await fetch(url)
      expect(asked, 'control').to.deep.equal(['/'])
    } finally {
      trap.close()
      trap.closeAllConnections()
    }
  })
})

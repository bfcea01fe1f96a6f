import { createHash } from 'node:crypto'
import { expect } from 'chai'
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'
import { startApp, type TestApp } from '../support/app.ts'

describe('metadata and keys', () => {
  let keyturn: TestApp
  beforeEach(async () => {
    keyturn = await startApp({ mode: 'small' })
  })

  it('S-160 both documents say the issuer as it is in tokens, and only what exists', async () => {
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      const { status, headers, body } = await keyturn.get(`/.well-known/${name}`)
      expect(status).to.equal(200)
      expect(body.issuer).to.equal(keyturn.config.issuer)
      expect(body.grant_types_supported).to.deep.equal([
        'client_credentials',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ])
      expect(headers.get('access-control-allow-origin')).to.equal('*')
      for (const [field, url] of Object.entries(body).filter(([field]) => /_endpoint$|_uri$/.test(field))) {
        const path = new URL(String(url)).pathname
        const isPost = path.startsWith('/oauth/')
        const answer = isPost ? await keyturn.post(path, {}) : await keyturn.get(path)
        expect(answer.status, field).not.to.equal(404)
      }
    }
  })

  it('S-161 the key set has public keys only, each with kid, alg and use, RSA first, and one of them `next`', async () => {
    const { body, headers } = await keyturn.get('/.well-known/jwks.json')
    expect(body.keys).to.have.length(2)
    for (const key of body.keys) {
      expect(key).to.include({ kty: 'RSA', alg: 'RS256', use: 'sig' })
      expect(key).to.have.all.keys('kty', 'n', 'e', 'alg', 'use', 'kid')
      expect(await jose.calculateJwkThumbprint(key)).to.equal(key.kid)
    }
    expect(headers.get('cache-control')).to.match(
      /^public, max-age=300, stale-while-revalidate=\d+, stale-if-error=\d+$/,
    )
    expect(headers.get('access-control-allow-origin')).to.equal('*')
    expect(headers.get('set-cookie')).to.equal(null)
    expect(headers.get('pragma')).to.equal(null)
  })

  it('S-161 a verifier that has the set is told so in a header', async () => {
    const { headers } = await keyturn.get('/.well-known/jwks.json')
    const etag = headers.get('etag') ?? ''
    for (const given of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await keyturn.get('/.well-known/jwks.json', { 'if-none-match': given })
      expect([again.status, again.text, again.headers.get('etag')], given).to.deep.equal([304, '', etag])
    }
    expect((await keyturn.get('/.well-known/jwks.json', { 'if-none-match': '"other"' })).status).to.equal(200)
  })

  it('K-09 two nodes publish the same bytes under the same tag', async () => {
    const other = await startApp({ stores: keyturn.stores })
    const [one, two] = [
      await keyturn.get('/.well-known/jwks.json'),
      await other.get('/.well-known/jwks.json'),
    ]
    expect(one.text).to.equal(two.text)
    expect(one.headers.get('etag')).to.equal(two.headers.get('etag'))
    expect(createHash('sha256').update(one.text).digest('hex')).to.have.length(64)
  })

  it('a service that knows only the key set verifies a token alone', async () => {
    const client = await keyturn.createClient()
    const { body } = await keyturn.post('/oauth/token', { grant_type: 'client_credentials' }, client)
    const keys = jose.createRemoteJWKSet(new URL('/.well-known/jwks.json', keyturn.origin))
    const { payload } = await jose.jwtVerify(body.access_token, keys, {
      issuer: keyturn.config.issuer,
      audience: 'https://api.example.com',
      typ: 'at+jwt',
      algorithms: ['RS256'],
      currentDate: new Date('2026-01-01T00:00:10Z'),
    })
    expect(payload.sub).to.equal(client.id)
  })

  it('oauth4webapi, a strict client, gets, introspects and revokes tokens by discovery alone', async () => {
    const { id, secret = '' } = await keyturn.createClient()
    const insecure = { [oauth.allowInsecureRequests]: true as const }
    const issuer = new URL(keyturn.config.issuer)
    // The document names the issuer's URLs; the test node answers on a port of its own.
    const toNode = (url: string, init: RequestInit) => fetch(url.replace(issuer.origin, keyturn.origin), init)
    const options = { ...insecure, [oauth.customFetch]: toNode as never }
    const found = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' })
    const server = await oauth.processDiscoveryResponse(issuer, found)
    const client = { client_id: id }
    const authentication = oauth.ClientSecretBasic(secret)
    const answered = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, options)
    const tokens = await oauth.processClientCredentialsResponse(server, client, answered)
    const asked = await oauth.introspectionRequest(
      server,
      client,
      authentication,
      tokens.access_token,
      options,
    )
    expect((await oauth.processIntrospectionResponse(server, client, asked)).active).to.equal(true)
    const revoked = await oauth.revocationRequest(
      server,
      client,
      authentication,
      tokens.access_token,
      options,
    )
    expect(await oauth.processRevocationResponse(revoked)).to.equal(undefined)
    const askedAgain = await oauth.introspectionRequest(
      server,
      client,
      authentication,
      tokens.access_token,
      options,
    )
    expect((await oauth.processIntrospectionResponse(server, client, askedAgain)).active).to.equal(false)
  })
})

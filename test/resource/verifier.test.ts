import { expect } from 'chai'
import { BearerError, type VerifierOptions } from '../../src/resource/index.ts'
import { AUDIENCE, type IssuerKey, type KeyServer, outcome, startKeyServer } from './key-server.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z') / 1000

describe('the verifier of keyturn/resource', () => {
  let server: KeyServer
  let key: IssuerKey
  beforeEach(async () => {
    server = await startKeyServer()
    key = await server.makeKey()
    server.keys = [key.jwk]
  })

  it('gives the claims of a good token, by their wire names', async () => {
    const claims = await server.verifier().verify(await key.token({ username: 'alice', user_id: '7' }))
    expect(claims).to.deep.equal({
      ...{ iss: server.url, sub: 'alice', aud: AUDIENCE, client_id: 'app', scope: 'read', jti: 'j1' },
      ...{ iat: NOW, exp: NOW + 600, username: 'alice', user_id: '7' },
    })
  })

  for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) {
    it(`verifies ${alg} where it is asked for, and only there`, async () => {
      const one = await server.makeKey(alg)
      server.keys = [key.jwk, one.jwk]
      const token = await one.token()
      expect(await outcome(server.verifier({ algorithms: [alg] }).verify(token))).to.equal('good')
      const others = (['RS256', 'ES256', 'EdDSA'] as const).filter((name) => name !== alg)
      server.keys = [
        key.jwk,
        one.jwk,
        ...(await Promise.all(others.map(async (name) => (await server.makeKey(name)).jwk))),
      ]
      const refusal = await outcome(server.verifier({ algorithms: others }).verify(token))
      expect(refusal).to.equal('invalid_token: ERR_JOSE_ALG_NOT_ALLOWED')
    })
  }

  it('S-143 verifies a key with its own algorithm alone', async () => {
    const ec = await server.makeKey('ES256')
    server.keys = [key.jwk, ec.jwk]
    const token = await ec.token({}, { kid: key.kid })
    const verifier = server.verifier({ algorithms: ['RS256', 'ES256'] })
    expect(await outcome(verifier.verify(token))).to.equal('invalid_token: alg_of_another_key')
  })

  for (const [what, claims, reason] of [
    ['another issuer', { iss: 'https://other.example.com' }, 'claim_iss'],
    ['no issuer', { iss: undefined }, 'claim_iss'],
    ['another audience', { aud: 'https://other.example.com' }, 'claim_aud'],
    ['no audience', { aud: undefined }, 'claim_aud'],
    ['no expiry', { exp: undefined }, 'claim_exp'],
    ['an expiry of text', { exp: 'never' }, 'claim_exp'],
    ['an expiry ten seconds ago', { exp: NOW - 10 }, 'expired'],
    ['a beginning ahead', { nbf: NOW + 60 }, 'claim_nbf'],
    ['no subject', { sub: undefined }, 'claim_sub'],
    ['an empty subject', { sub: '' }, 'claim_sub'],
    ['no client_id', { client_id: undefined }, 'claim_client_id'],
    ['a client_id that is no text', { client_id: 7 }, 'claim_client_id'],
    ['no jti', { jti: undefined }, 'claim_jti'],
    ['no iat', { iat: undefined }, 'claim_iat'],
    ['a scope that is a list', { scope: ['read'] }, 'claim_scope'],
    ['a username that is no text', { username: {} }, 'claim_username'],
  ] as const) {
    it(`S-146 refuses a token with ${what}`, async () => {
      const token = await key.token(claims)
      expect(await outcome(server.verifier().verify(token))).to.equal(`invalid_token: ${reason}`)
    })
  }

  for (const typ of ['JWT', 'id_token+jwt', undefined]) {
    it(`S-147 refuses a token of typ ${typ}`, async () => {
      const token = await key.token({}, { typ })
      expect(await outcome(server.verifier().verify(token))).to.equal('invalid_token: claim_typ')
    })
  }

  it('S-143 refuses a token without a kid without asking for keys', async () => {
    const token = await key.token({}, { kid: undefined })
    expect(await outcome(server.verifier().verify(token))).to.equal('invalid_token: no_kid')
    expect(server.requests).to.have.length(0)
  })

  for (const text of [
    '',
    '.',
    '..',
    'a.b.c',
    'e30.e30.e30',
    'not-a-token',
    'x'.repeat(8193),
    '\0',
    '𝒳.𝒳.𝒳',
  ]) {
    it(`S-150 refuses what is no token: ${JSON.stringify(text.slice(0, 12))}`, async () => {
      expect(await outcome(server.verifier().verify(text))).to.match(/^invalid_token: /)
      expect(server.requests).to.have.length(0)
    })
  }

  it('takes one of several audiences, its own and the token’s', async () => {
    const verifier = server.verifier({ audience: ['https://b.example.com', AUDIENCE] })
    expect(await outcome(verifier.verify(await key.token({ aud: ['urn:x', AUDIENCE] })))).to.equal('good')
    expect(await outcome(verifier.verify(await key.token({ aud: ['urn:x', 'urn:y'] })))).to.equal(
      'invalid_token: claim_aud',
    )
  })

  it('allows for ten seconds of clock skew unless told otherwise, and for no more', async () => {
    const token = await key.token({ exp: NOW + 100 })
    for (const [tolerance, last] of [
      [undefined, 109],
      [0, 99],
      [60, 159],
    ] as const) {
      const verifier = server.verifier(tolerance === undefined ? {} : { clockToleranceSeconds: tolerance })
      server.clock.set(new Date((NOW + last) * 1000))
      expect(await outcome(verifier.verify(token))).to.equal('good')
      server.clock.advance(1000)
      expect(await outcome(verifier.verify(token))).to.equal('invalid_token: expired')
    }
  })

  it('asks for every scope that is needed, and says which', async () => {
    const verifier = server.verifier()
    const token = await key.token({ scope: 'read write' })
    for (const scope of ['read', 'read write', ['write', 'read'], [], undefined]) {
      expect(await outcome(verifier.verify(token, { scope }))).to.equal('good')
    }
    for (const scope of ['admin', 'read admin', ['reading'], 'rea', '__proto__']) {
      expect(await outcome(verifier.verify(token, { scope }))).to.equal('insufficient_scope: scope')
    }
    const none = await key.token({ scope: undefined })
    expect(await outcome(verifier.verify(none))).to.equal('good')
    expect(await outcome(verifier.verify(none, { scope: 'read' }))).to.equal('insufficient_scope: scope')
    const error = await verifier
      .verify(token, { scope: ['read', 'admin'] })
      .catch((thrown: BearerError) => thrown)
    if (!(error instanceof BearerError)) throw new Error('it was let in')
    expect(error.status).to.equal(403)
    expect(error.headers['www-authenticate']).to.equal(
      'Bearer error="insufficient_scope", ' +
        'error_description="the access token does not have the scope that this needs", scope="read admin"',
    )
  })

  it('says that a token has expired, so that a client refreshes, and of nothing else why (RFC 6750 §3)', async () => {
    const header = async (claims: object) => {
      const error = await server
        .verifier()
        .verify(await key.token({ ...claims }))
        .catch((thrown: BearerError) => thrown)
      return error instanceof BearerError && error.headers['www-authenticate']
    }
    expect(await header({ exp: NOW - 60 })).to.equal(
      'Bearer error="invalid_token", error_description="the access token has expired"',
    )
    const other = 'Bearer error="invalid_token", error_description="the access token is not valid here"'
    expect(await header({ aud: 'x' })).to.equal(other)
    expect(await header({ iss: 'x' })).to.equal(other)
  })

  it('answers 503 and when to come back, never 401, where the keys cannot be had', async () => {
    server.behaviour = (_, response) => response.writeHead(500).end()
    const token = await key.token()
    const error = await server
      .verifier()
      .verify(token)
      .catch((thrown: BearerError) => thrown)
    if (!(error instanceof BearerError)) throw new Error('it was let in')
    expect(error.status).to.equal(503)
    expect(error.headers).to.deep.equal({ 'cache-control': 'no-store', 'retry-after': '1' })
    expect(error.toJSON()).to.deep.equal({
      error: 'unavailable',
      error_description: 'the access token cannot be checked now',
    })
  })

  it('asks where it is told to', async () => {
    const verifier = server.verifier({ jwksUri: `${server.url}/elsewhere.json` })
    await verifier.verify(await key.token())
    await server.verifier().verify(await key.token())
    expect(server.requests.map(({ url }) => url)).to.deep.equal(['/elsewhere.json', '/.well-known/jwks.json'])
    expect(server.requests[0]?.headers.accept).to.equal('application/jwk-set+json, application/json')
  })

  const WRONG: Readonly<Record<string, object>> = {
    'an issuer with a slash at its end': { issuer: 'https://id.example.com/' },
    'an issuer that is no URL': { issuer: 'id.example.com' },
    'an issuer of another scheme': { issuer: 'file:///etc/passwd' },
    'keys of another scheme': { jwksUri: 'data:application/json,{}' },
    'no audience': { audience: [] },
    'an empty audience': { audience: '' },
    'an undefined audience': { audience: undefined },
    'no algorithm': { algorithms: [] },
    'a symmetric algorithm': { algorithms: ['RS256', 'HS256'] },
    'the algorithm none': { algorithms: ['none'] },
    'a tolerance of minutes': { clockToleranceSeconds: 61 },
    'a negative tolerance': { clockToleranceSeconds: -1 },
    'a tolerance that is no number': { clockToleranceSeconds: Number.NaN },
  }
  for (const [what, options] of Object.entries(WRONG)) {
    it(`is not made with ${what}`, () => {
      expect(() => server.verifier(options as Partial<VerifierOptions>)).to.throw(TypeError)
    })
  }

  it('is not asked for a scope that cannot be one', async () => {
    const token = await key.token()
    for (const scope of ['re"ad', 'a\\b', 'a  b', 'ä', '', ['a b']]) {
      const thrown = await server
        .verifier()
        .verify(token, { scope })
        .catch((error: unknown) => error)
      expect(thrown, JSON.stringify(scope)).to.be.instanceOf(TypeError)
    }
  })
})

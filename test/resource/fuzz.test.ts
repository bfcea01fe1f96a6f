import { expect } from 'chai'
import fc from 'fast-check'
import { BearerError, fetchBearer, readBearerToken } from '../../src/resource/index.ts'
import { type IssuerKey, type KeyServer, startKeyServer } from './key-server.ts'

const CASES = 5000
const SEED = 20_260_101
const STATUSES = [400, 401, 403, 503]

const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/**
 * What was signed, and with what: the last character of a signature has bits that stand for nothing, so that a few
 * spellings of one token are the same token (RFC 4648 section 3.5).
 */
function bytesOf(token: string): unknown[] {
  const [header, payload, signature, ...more] = token.split('.')
  return [header, payload, Buffer.from(signature ?? '', 'base64url'), ...more]
}

/** What a header or payload may be: right members with wrong values, anything as JSON, or no JSON at all. */
function part(right: Readonly<Record<string, unknown>>): fc.Arbitrary<string> {
  const member = fc.tuple(
    fc.constantFrom(...Object.keys(right), '__proto__', 'crit', 'b64', 'jwk', 'nbf'),
    fc.jsonValue(),
  )
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .array(member, { minLength: 1, maxLength: 3 })
        .map((changes) => base64url({ ...right, ...Object.fromEntries(changes) })),
    },
    { weight: 2, arbitrary: fc.constant(base64url(right)) },
    { weight: 2, arbitrary: fc.jsonValue().map(base64url) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map(base64url) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme-ascii' }) },
  )
}

/** Authorization headers that no client of ours sends, most of them nearly right. */
function authorizations(good: string, kid: string): fc.Arbitrary<string> {
  const [header = '', payload = '', signature = ''] = good.split('.')
  const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString())
  const token = fc.oneof(
    fc
      .tuple(part(read(header)), part(read(payload)), fc.constantFrom(signature, '', 'AAAA', kid))
      .map((parts) => parts.join('.')),
    fc
      .tuple(fc.nat(good.length - 1), fc.constantFrom('.', '=', 'A', '', '..', '-'))
      .map(([at, piece]) => good.slice(0, at) + piece + good.slice(at + 2)),
    fc.nat(good.length - 1).map((length) => good.slice(0, length)),
    fc.string({ maxLength: 40 }),
    fc.nat(40).map((length) => '.'.repeat(length)),
    fc.constantFrom(
      'x'.repeat(9000),
      `${good}.${good}`,
      base64url({ protected: header, payload, signature }),
    ),
  )
  const scheme = fc.constantFrom(
    'Bearer ',
    'bearer ',
    'Bearer',
    'Bearer  ',
    'Bearer\t',
    ' Bearer ',
    'Bearer Bearer ',
    'Basic ',
    'DPoP ',
    '',
    'Bearer token=',
  )
  return fc.oneof(
    { weight: 8, arbitrary: token.map((text) => `Bearer ${text}`) },
    { weight: 2, arbitrary: fc.tuple(scheme, token).map((both) => both.join('')) },
  )
}

describe('keyturn/resource, whatever it is sent', () => {
  let server: KeyServer
  let key: IssuerKey
  let good: string
  beforeEach(async () => {
    server = await startKeyServer()
    key = await server.makeKey()
    server.keys = [key.jwk]
    good = await key.token()
  })

  it(`S-024 answers 400, 401, 403 or 503 to ${CASES} malformed headers, and asks for keys once a cooldown`, async () => {
    const handler = fetchBearer(server.verifier(), { scope: 'read' }, () => new Response('let in'))
    const counts: Record<number, number> = {}
    for (const authorization of fc.sample(authorizations(good, key.kid), { seed: SEED, numRuns: CASES })) {
      const headers = new Headers()
      try {
        headers.set('authorization', authorization)
      } catch {
        continue // No HTTP library takes it.
      }
      const { status, headers: answered } = await handler(new Request('http://localhost/', { headers }))
      counts[status] = (counts[status] ?? 0) + 1
      if (status === 200)
        expect(bytesOf(authorization.trim().replace(/^bearer +/i, ''))).to.eql(bytesOf(good))
      else expect(STATUSES, authorization).to.include(status)
      if (status === 401)
        expect(answered.get('www-authenticate')).to.match(/^Bearer( error="invalid_token", |$)/)
    }
    expect(server.requests).to.have.length.of.at.most(1)
    expect(counts[400], 'malformed').to.be.greaterThan(100)
    expect(counts[401], 'invalid').to.be.greaterThan(2000)
    expect(
      (await handler(new Request('http://localhost/', { headers: { authorization: `Bearer ${good}` } })))
        .status,
    ).to.equal(200)
  })

  it('throws nothing but its own errors at tokens and headers of any characters', async () => {
    const verifier = server.verifier()
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.tuple(part({ alg: 'RS256', kid: key.kid }), part({}), part({})).map((parts) => parts.join('.')),
    )
    for (const text of fc.sample(texts, { seed: SEED, numRuns: 1000 })) {
      const thrown = await verifier.verify(text).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(thrown, JSON.stringify(text)).to.be.instanceOf(BearerError)
      expect((thrown as BearerError).code).to.equal('invalid_token')
    }
    for (const values of fc.sample(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }), {
      seed: SEED,
      numRuns: 1000,
    })) {
      expect(() => readBearerToken(values)).to.throw(BearerError)
    }
  })
})

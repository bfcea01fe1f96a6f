import { createHmac, createPublicKey, generateKeyPairSync, sign as signWith } from 'node:crypto'
import { expect } from 'chai'
import { compactVerify, createLocalJWKSet, type JWK } from 'jose'
import { SIGNING_ALGORITHM_NAMES, type SigningAlgorithm } from '../../src/keys/algorithms.ts'
import { openSigningKey } from '../../src/keys/key-material.ts'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'
import { activeKey } from '../../src/keys/signing-key.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import { encodeToken, readToken, signatureOf } from '../examples/forged-tokens.ts'
import { age, SCHEDULE } from '../keys/fixtures.ts'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { introduced } from '../support/signing-keys.ts'

const OTHERS = SIGNING_ALGORITHM_NAMES.filter((name) => name !== 'RS256')

async function jwks(keyturn: TestApp): Promise<{ keys: JWK[] }> {
  return (await keyturn.get('/.well-known/jwks.json')).body
}

async function keyOf(keyturn: TestApp, algorithm: SigningAlgorithm) {
  const { stores } = keyturn
  const { keys, now } = await signingKeysPostgres(stores).load()
  const active = keys.find((key) => key.kid === activeKey(keys, algorithm, now)?.kid)
  if (!active?.sealedPrivateKey) throw new Error(`no key signs ${algorithm}`)
  const { kid, sealedPrivateKey, publicJwk } = active
  return {
    kid,
    publicJwk,
    key: await openSigningKey({ kid, algorithm, sealedPrivateKey }, stores.sealingKey),
  }
}

describe('an algorithm that a client has chosen', () => {
  let keyturn: TestApp
  /** A resource server that every token here is for. */
  let api: TestClient
  const clients = new Map<SigningAlgorithm, TestClient>()
  const tokens = new Map<SigningAlgorithm, { access_token: string; refresh_token: string }>()
  const tokenOf = (algorithm: SigningAlgorithm) => tokens.get(algorithm)?.access_token ?? ''
  const clientOf = (algorithm: SigningAlgorithm) => clients.get(algorithm) ?? { id: 'none' }

  before(async () => {
    keyturn = await startApp()
    await keyturn.createUser('alice')
    api = await keyturn.createClient({ grants: [], audiences: [keyturn.config.issuer] })
    for (const algorithm of OTHERS) await introduced(keyturn, algorithm)
    for (const algorithm of SIGNING_ALGORITHM_NAMES) {
      const choice = algorithm === 'RS256' ? {} : { accessTokenAlg: algorithm }
      const audiences = ['https://api.example.com', keyturn.config.issuer]
      const client = await keyturn.createClient({ scopes: ['read', 'account'], audiences, ...choice })
      clients.set(algorithm, client)
      const form = { resource: keyturn.config.issuer }
      tokens.set(algorithm, (await keyturn.signIn(client, 'alice', form)).body)
    }
  })

  const introspect = async (token: string) => (await keyturn.post('/oauth/introspect', { token }, api)).body
  const account = (token: string) =>
    keyturn.get('/account/api/sessions', { authorization: `Bearer ${token}` })

  for (const algorithm of SIGNING_ALGORITHM_NAMES) {
    it(`${algorithm} signs the access token of every grant, and the published set verifies it`, async () => {
      const set = createLocalJWKSet((await jwks(keyturn)) as { keys: JWK[] })
      const client = clientOf(algorithm)
      const answers = [
        await keyturn.signIn(client, 'alice'),
        await keyturn.refresh(client, tokens.get(algorithm)?.refresh_token ?? ''),
        await keyturn.post('/oauth/token', { grant_type: 'client_credentials' }, client),
      ]
      for (const { status, body } of answers) {
        expect(status).to.equal(200)
        const { protectedHeader } = await compactVerify(body.access_token, set, { algorithms: [algorithm] })
        expect(protectedHeader).to.include({ alg: algorithm, typ: 'at+jwt' })
        expect(protectedHeader.kid).to.equal((await keyOf(keyturn, algorithm)).kid)
      }
      const replayed = answers[1]?.body.refresh_token
      expect((await keyturn.refresh(client, replayed)).status).to.equal(200)
    })

    it(`${algorithm} is accepted by introspection, the account API, explain and revocation`, async () => {
      const { body } = await keyturn.signIn(clientOf(algorithm), 'alice', { resource: keyturn.config.issuer })
      const token = body.access_token
      expect(await introspect(token)).to.include({ active: true, username: 'alice' })
      expect((await account(token)).status).to.equal(200)
      expect(await keyturn.administration.explain(token)).to.include({ outcome: 'active' })
      expect((await keyturn.post('/oauth/revoke', { token }, clientOf(algorithm))).status).to.equal(200)
      expect(await introspect(token)).to.deep.equal({ active: false })
      expect((await account(token)).status).to.equal(401)
    })
  }

  it('the set lists RSA first, then EC, then OKP, each with kid, alg and use, and nothing private', async () => {
    const { keys } = await jwks(keyturn)
    const types = keys.map(({ kty }) => String(kty))
    const order = ['RSA', 'EC', 'OKP']
    expect(types).to.deep.equal([...types].sort((a, b) => order.indexOf(a) - order.indexOf(b)))
    expect(new Set(types)).to.deep.equal(new Set(order))
    for (const { alg, use, kid, ...rest } of keys) {
      expect(SIGNING_ALGORITHM_NAMES).to.include(alg)
      expect(use).to.equal('sig')
      expect(kid).to.match(/^[\w-]{43}$/)
      expect(rest).not.to.have.any.keys('d', 'p', 'q', 'dp', 'dq', 'qi')
    }
  })

  describe('cannot be confused with another', () => {
    const header = (algorithm: SigningAlgorithm) => readToken(tokenOf(algorithm)).header
    const claims = (algorithm: SigningAlgorithm) => readToken(tokenOf(algorithm)).claims

    async function expectRefused(token: string) {
      expect(await introspect(token)).to.deep.equal({ active: false })
      expect((await account(token)).status).to.equal(401)
    }

    it('control: the same tokens, made by the same hand as they should be, are accepted', async () => {
      for (const algorithm of SIGNING_ALGORITHM_NAMES) {
        const { key } = await keyOf(keyturn, algorithm)
        const token = await encodeToken(header(algorithm), claims(algorithm), signatureOf(key))
        expect(await introspect(token), algorithm).to.include({ active: true })
        expect((await account(token)).status).to.equal(200)
      }
    })

    for (const said of SIGNING_ALGORITHM_NAMES) {
      for (const other of SIGNING_ALGORITHM_NAMES.filter((name) => name !== said)) {
        it(`S-141 alg ${said} under the kid of ${other}, signed with either of our own keys`, async () => {
          for (const algorithm of [said, other]) {
            const { key } = await keyOf(keyturn, algorithm)
            const mixed = { ...header(other), alg: said }
            const token = await encodeToken(mixed, claims(other), signatureOf(key))
            await expectRefused(token)
            expect(await keyturn.administration.explain(token)).to.include({ outcome: 'inactive' })
          }
        })
      }
    }

    for (const algorithm of SIGNING_ALGORITHM_NAMES) {
      it(`S-141 HS256 with the public key of ${algorithm} as secret, in every form`, async () => {
        const { publicJwk } = await keyOf(keyturn, algorithm)
        const key = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
        const members = Object.values(publicJwk).map((value) => Buffer.from(String(value), 'base64url'))
        const secrets = [
          key.export({ type: 'spki', format: 'pem' }),
          key.export({ type: 'spki', format: 'der' }),
          JSON.stringify(publicJwk),
          ...members,
          Buffer.concat(members.slice(-2)),
        ]
        for (const secret of secrets) {
          const hmac = (input: Buffer) => createHmac('sha256', secret).update(input).digest()
          for (const alg of ['HS256', algorithm]) {
            await expectRefused(await encodeToken({ ...header(algorithm), alg }, claims(algorithm), hmac))
          }
        }
      })

      it(`S-141 no signature under the kid of ${algorithm}`, async () => {
        for (const alg of ['none', 'None', '', algorithm]) {
          const unsigned = await encodeToken({ ...header(algorithm), alg }, claims(algorithm), () =>
            Buffer.alloc(0),
          )
          await expectRefused(unsigned)
        }
      })
    }

    it('S-141 a foreign key of the same kind, or of a wrong curve', async () => {
      const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
      const ec =
        (pair = p256, hash = 'sha256') =>
        (input: Buffer) =>
          signWith(hash, input, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
      const ed25519 = generateKeyPairSync('ed25519').privateKey
      const ed448 = generateKeyPairSync('ed448').privateKey
      for (const [algorithm, changes, sign] of [
        ['ES256', {}, ec()],
        ['ES256', {}, ec(p384)],
        ['ES256', { alg: 'ES384' }, ec(p384, 'sha384')],
        ['ES256', { jwk: p256.publicKey.export({ format: 'jwk' }) }, ec()],
        ['EdDSA', {}, (input: Buffer) => signWith(null, input, ed25519)],
        ['EdDSA', {}, (input: Buffer) => signWith(null, input, ed448)],
        ['EdDSA', { crv: 'Ed448' }, (input: Buffer) => signWith(null, input, ed448)],
      ] as const) {
        await expectRefused(await encodeToken({ ...header(algorithm), ...changes }, claims(algorithm), sign))
      }
    })

    it('S-141 a name of EdDSA that is not the one we use, though the real key signed it', async () => {
      const { key } = await keyOf(keyturn, 'EdDSA')
      for (const alg of ['Ed25519', 'eddsa']) {
        await expectRefused(await encodeToken({ ...header('EdDSA'), alg }, claims('EdDSA'), signatureOf(key)))
      }
    })

    it('S-141 an ES256 signature as DER, of zeros, or with one byte more', async () => {
      const { key } = await keyOf(keyturn, 'ES256')
      const raw = (input: Buffer) => Promise.resolve(signatureOf(key)(input))
      for (const sign of [
        async () => Buffer.alloc(64),
        async (input: Buffer) => Buffer.concat([await raw(input), Buffer.alloc(1)]),
        async (input: Buffer) => asDer(await raw(input)),
      ]) {
        await expectRefused(await encodeToken(header('ES256'), claims('ES256'), sign))
      }
    })
  })
})

describe('an algorithm that no key signs', () => {
  it('is refused to a client, with what to do, until its first key signs', async () => {
    const keyturn = await startApp()
    const create = (accessTokenAlg: string) =>
      keyturn.createClient({ accessTokenAlg }).then(
        () => 'created',
        (error: { code: string; message: string }) => error,
      )
    expect(await create('HS256')).to.include({ code: 'algorithm_unknown' })
    expect(await create('ES256')).to.include({ code: 'algorithm_not_introduced' })
    const keys = await keyturn.administration.keys()
    const [report] = await keys.rotateKeys({ now: false, algorithm: 'ES256' }, 'operator')
    const early = await create('ES256')
    expect(early).to.include({ code: 'too_early' })
    expect(early).to.have.property('message').that.includes(report?.activatesAt)
    await age(keyturn.stores.database, publishToActivateSeconds(SCHEDULE))
    expect(await create('ES256')).to.equal('created')
    expect(await create('RS256')).to.equal('created')
  })

  it('is "come back later" for its clients, for no other, and costs them no refresh token', async () => {
    const clock = new TestClock(undefined, { autoAdvance: true })
    const keyturn = await startApp({ clock })
    const { database } = keyturn.stores
    await introduced(keyturn, 'ES256')
    await keyturn.createUser('alice')
    const isPublic = true // whose late token would end its family
    const client = await keyturn.createClient({ accessTokenAlg: 'ES256', isPublic })
    const robot = await keyturn.createClient({ accessTokenAlg: 'ES256' })
    const other = await keyturn.createClient()
    const { refresh_token } = (await keyturn.signIn(client, 'alice')).body

    await database.query(`alter table signing_keys rename to kept`)
    await database.query(`create table signing_keys (like kept including all)`)
    await database.query(`insert into signing_keys select * from kept where algorithm = 'RS256'`)
    await keyturn.app.reloadKeys()
    const sessions = async () => (await database.query('select from sessions')).length
    const before = await sessions()
    const asked = [
      await keyturn.signIn(client, 'alice'),
      await keyturn.refresh(client, refresh_token),
      await keyturn.post('/oauth/token', { grant_type: 'client_credentials' }, robot),
    ]
    for (const { status, headers, body } of asked) {
      expect(status).to.equal(503)
      expect(Number(headers.get('retry-after'))).to.be.greaterThan(0)
      expect(body).not.to.have.property('access_token')
    }
    expect(await sessions()).to.equal(before)
    expect((await keyturn.signIn(other, 'alice')).status).to.equal(200)
    expect((await keyturn.get('/readyz')).status).to.equal(200)

    // Longer than the retry window: had the token been rotated, this would be a replay.
    clock.advance(10 * 60_000)
    await database.query('drop table signing_keys')
    await database.query('alter table kept rename to signing_keys')
    await keyturn.app.reloadKeys()
    const refreshed = await keyturn.refresh(client, refresh_token)
    expect(refreshed.status).to.equal(200)
    expect(readToken(refreshed.body.access_token).header['alg']).to.equal('ES256')
  })

  it('is a note of the readiness while one of its keys should sign and cannot be opened', async () => {
    const keyturn = await startApp()
    await introduced(keyturn, 'ES256')
    expect((await keyturn.get('/readyz')).body.parts.signing_keys).to.equal('ready')
    await keyturn.stores.database.query(
      `update signing_keys set sealed_private_key = null where algorithm = 'ES256'`,
    )
    const restarted = await startApp({ stores: keyturn.stores })
    const { status, body } = await restarted.get('/readyz')
    expect({ status, note: body.parts.signing_keys }).to.deep.equal({
      status: 200,
      note: 'no key signs ES256',
    })
  })

  it('is one that this release does not know: never another in its place', async () => {
    const keyturn = await startApp()
    const client = await keyturn.createClient()
    await keyturn.stores.database.query(`update clients set access_token_alg = 'ML-DSA-65' where id = $1`, [
      client.id,
    ])
    const answer = await keyturn.post('/oauth/token', { grant_type: 'client_credentials' }, client)
    expect(answer.status).to.equal(503)
  })
})

/** The same two numbers as ASN.1 has them, which JWS does not allow (RFC 7518 §3.4). */
function asDer(raw: Buffer): Buffer {
  const integers = [raw.subarray(0, 32), raw.subarray(32)].map((bytes) => {
    const value = Buffer.concat([Buffer.alloc(1), bytes])
    return Buffer.concat([Buffer.from([0x02, value.length]), value])
  })
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

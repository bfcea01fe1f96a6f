import { createPrivateKey, generateKeyPairSync, type JsonWebKey, webcrypto } from 'node:crypto'
import { expect } from 'chai'
import { compactVerify, jwtVerify, SignJWT } from 'jose'
import { algorithmRow, SIGNING_ALGORITHM_NAMES, type SigningAlgorithm } from '../../src/keys/algorithms.ts'
import {
  generateSigningKey,
  importPublicKey,
  openSigningKey,
  sealSigningKey,
  thumbprint,
} from '../../src/keys/key-material.ts'
import { failureOf, newSealingKey } from './fixtures.ts'

const sealing = newSealingKey()
const [line] = sealing.lines()

/** Published keys, and what they signed. */
const VECTORS = [
  {
    // RFC 7515 A.3. The RFC gives no thumbprint: this one was computed apart, with Python's json and hashlib.
    algorithm: 'ES256',
    kid: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U',
    jwk: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
    },
    jws:
      'eyJhbGciOiJFUzI1NiJ9.' +
      'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.' +
      'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
    payload: '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}',
  },
  {
    // RFC 8037 A.1 to A.4.
    algorithm: 'EdDSA',
    kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    jwk: {
      kty: 'OKP',
      crv: 'Ed25519',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
      d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
    },
    jws:
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.' +
      'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    payload: 'Example of Ed25519 signing',
  },
] as const

for (const { algorithm, kid, jwk, jws, payload } of VECTORS) {
  describe(`${algorithm}, with the published vectors`, () => {
    const { d: _, ...publicJwk } = jwk
    const imported = () => importPublicKey({ kid, algorithm, publicJwk })

    it('has the thumbprint of its required members as kid, whatever else the JWK has', async () => {
      expect(await thumbprint(publicJwk)).to.equal(kid)
      expect(await thumbprint({ ...jwk, alg: algorithm, use: 'sig', kid: 'other' })).to.equal(kid)
    })

    it('seals the private key under that kid, and publishes no private member', async () => {
      const pair = await sealSigningKey(algorithm, privateKeyOf(jwk), line)
      expect(pair).to.deep.include({ kid, algorithm, publicJwk })
    })

    it('verifies the signature, and no other', async () => {
      const { publicKey } = await imported()
      const verified = await compactVerify(jws, publicKey, { algorithms: [algorithm] })
      expect(Buffer.from(verified.payload).toString()).to.equal(payload)
      const [header, body, signature = ''] = jws.split('.')
      const changed = `${signature[0] === 'h' ? 'i' : 'h'}${signature.slice(1)}`
      expect(await failureOf(compactVerify(`${header}.${body}.${changed}`, publicKey))).to.include({
        code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
      })
    })

    it('makes signatures of 64 raw bytes, which its public half verifies', async () => {
      const pair = await sealSigningKey(algorithm, privateKeyOf(jwk), line)
      const privateKey = await openSigningKey(pair, sealing)
      const token = await new SignJWT({}).setProtectedHeader({ alg: algorithm }).sign(privateKey)
      expect(Buffer.from(token.split('.')[2] ?? '', 'base64url')).to.have.length(64)
      const { publicKey } = await imported()
      expect((await jwtVerify(token, publicKey)).protectedHeader.alg).to.equal(algorithm)
      expect(privateKey).to.include({ extractable: false })
    })
  })
}

describe('EdDSA', () => {
  it('signs as RFC 8037 A.4 does, byte for byte: it is deterministic', async () => {
    const { algorithm, jwk, jws } = VECTORS[1]
    const key = await openSigningKey(await sealSigningKey(algorithm, privateKeyOf(jwk), line), sealing)
    const input = jws.slice(0, jws.lastIndexOf('.'))
    const signature = await webcrypto.subtle.sign('Ed25519', key, Buffer.from(input))
    expect(`${input}.${Buffer.from(signature).toString('base64url')}`).to.equal(jws)
  })
})

describe('every algorithm', () => {
  for (const algorithm of SIGNING_ALGORITHM_NAMES) {
    it(`${algorithm} makes keys that it has nothing to object to, of the members it publishes`, async () => {
      const pair = await generateSigningKey(algorithm, line)
      const { kty, publicMembers } = algorithmRow(algorithm)
      expect(Object.keys(pair.publicJwk)).to.deep.equal(['kty', ...publicMembers])
      expect(pair.publicJwk).to.include({ kty })
      expect(await openSigningKey(pair, sealing)).to.include({ type: 'private' })
      expect((await importPublicKey(pair)).publicKey).to.include({ type: 'public' })
    })
  }

  const KEYS = {
    'a 2048-bit RSA key': ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    'a P-256 key': ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    'a P-384 key': [undefined, generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    'a secp256k1 key': [undefined, generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
    'an Ed25519 key': ['EdDSA', generateKeyPairSync('ed25519').privateKey],
    'an Ed448 key': [undefined, generateKeyPairSync('ed448').privateKey],
    'an X25519 key': [undefined, generateKeyPairSync('x25519').privateKey],
  } as const

  for (const [what, [suits, key]] of Object.entries(KEYS)) {
    it(`K-04 ${what} is taken for ${suits ?? 'nothing'}, and refused for all else`, async () => {
      for (const algorithm of SIGNING_ALGORITHM_NAMES) {
        const sealed = sealSigningKey(algorithm, key, line)
        if (algorithm === suits) expect((await sealed).algorithm).to.equal(algorithm)
        else expect(await failureOf(sealed)).to.include({ code: 'unsuitable_key' })
      }
    })
  }

  for (const [what, algorithm, changes] of [
    ['of another curve', 'ES256', { crv: 'P-384' }],
    ['of a point that is not on its curve', 'ES256', { y: 'y_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }],
    ['in another spelling of its bytes', 'ES256', { y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1' }],
    ['without a coordinate', 'ES256', { y: undefined }],
    ['of another curve', 'EdDSA', { crv: 'Ed448' }],
    ['for key agreement', 'EdDSA', { crv: 'X25519' }],
    ['of another kind', 'EdDSA', { kty: 'EC' }],
  ] as const) {
    it(`K-04 a stored ${algorithm} key ${what} is not imported, even under the kid that it would have`, async () => {
      const { d: _, ...publicJwk } = vectorOf(algorithm).jwk
      const changed = JSON.parse(JSON.stringify({ ...publicJwk, ...changes }))
      const kid = await thumbprint(changed).catch(() => vectorOf(algorithm).kid)
      expect(await failureOf(importPublicKey({ kid, algorithm, publicJwk: changed }))).to.be.instanceOf(Error)
    })
  }
})

function vectorOf(algorithm: SigningAlgorithm) {
  const found = VECTORS.find((vector) => vector.algorithm === algorithm)
  if (!found) throw new Error(`no vector for ${algorithm}`)
  return found
}

function privateKeyOf(jwk: JsonWebKey) {
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

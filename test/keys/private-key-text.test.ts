import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { readPrivateKey } from '../../src/keys/private-key-text.ts'
import type { Refusal } from '../../src/refusal.ts'
import { failureOf } from './fixtures.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')

const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  key.export({ format: 'pem', type }).toString()
const jwk = (key: KeyObject) => key.export({ format: 'jwk' }) as Record<string, string>
const text = (members: object) => JSON.stringify(members)

describe('a private key that is brought along', () => {
  for (const [form, given, key] of [
    ['PKCS #8', pem(rsa.privateKey), rsa.privateKey],
    ['PKCS #1', pem(rsa.privateKey, 'pkcs1'), rsa.privateKey],
    [
      'SEC 1, with its parameters in front',
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem(ec.privateKey, 'sec1')}`,
      ec.privateKey,
    ],
    ['PKCS #8 of Ed25519', pem(ed.privateKey), ed.privateKey],
    ['a JWK of RSA', text(jwk(rsa.privateKey)), rsa.privateKey],
    ['a JWK of EC, with space around', `\n ${text(jwk(ec.privateKey))}\n`, ec.privateKey],
    ['a JWK of Ed25519', text(jwk(ed.privateKey)), ed.privateKey],
  ] as const) {
    it(`is read as ${form}`, () => {
      expect(readPrivateKey(given).privateKey.equals(key)).to.equal(true)
    })
  }

  it('brings what its JWK says of itself', () => {
    expect(
      readPrivateKey(text({ ...jwk(rsa.privateKey), kid: '2024-01', alg: 'RS256', use: 'sig' })),
    ).to.include({
      kid: '2024-01',
      algorithm: 'RS256',
    })
  })

  const { d: _, ...publicJwk } = jwk(ec.privateKey)
  const damaged = pem(rsa.privateKey).replace(/\n.{64}\n/, '\n')
  for (const [what, given, code] of [
    ['nothing', ' ', 'key_malformed'],
    ['prose', 'my key', 'key_malformed'],
    ['half a JWK', text(jwk(rsa.privateKey)).slice(0, 200), 'key_malformed'],
    ['a PEM that is cut', damaged, 'key_malformed'],
    ['a JWK of RSA without its primes', text({ ...jwk(rsa.privateKey), p: undefined }), 'key_malformed'],
    ['K-04 two keys in one file', pem(rsa.privateKey) + pem(other.privateKey), 'several_keys'],
    ['K-04 a key and its certificate', `${pem(rsa.privateKey)}-----BEGIN CERTIFICATE-----\n`, 'several_keys'],
    ['K-04 a set of keys', text({ keys: [jwk(rsa.privateKey)] }), 'several_keys'],
    [
      'K-04 a public PEM',
      rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      'public_half_only',
    ],
    ['K-04 a certificate', '-----BEGIN CERTIFICATE-----\n', 'public_half_only'],
    ['K-04 a public JWK', text(publicJwk), 'public_half_only'],
    [
      'an encrypted PKCS #8',
      rsa.privateKey
        .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
        .toString(),
      'key_encrypted',
    ],
    [
      'an encrypted PKCS #1',
      rsa.privateKey
        .export({ format: 'pem', type: 'pkcs1', cipher: 'aes-256-cbc', passphrase: 'x' })
        .toString(),
      'key_encrypted',
    ],
    [
      'K-04 a JWK with the modulus of another',
      text({ ...jwk(rsa.privateKey), n: jwk(other.privateKey)['n'] }),
      'key_mismatched',
    ],
    [
      'K-04 a JWK with the private exponent of another',
      text({ ...jwk(rsa.privateKey), d: jwk(other.privateKey)['d'] }),
      'key_mismatched',
    ],
    [
      'K-04 a JWK of Ed25519 with the public half of another',
      text({ ...jwk(ed.privateKey), x: 'A'.repeat(43) }),
      'key_mismatched',
    ],
    ['a symmetric JWK', text({ kty: 'oct', k: 'c2VjcmV0' }), 'unsuitable_key'],
    ['a JWK for encryption', text({ ...jwk(rsa.privateKey), use: 'enc' }), 'unsuitable_key'],
    ['a key of OpenSSH', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n', 'key_malformed'],
  ] as const) {
    it(`${what} is refused: ${code}`, async () => {
      const refusal = (await failureOf(() => readPrivateKey(given))) as Refusal
      expect(refusal).to.include({ name: 'Refusal', code })
      // Whatever was given, none of it is repeated.
      for (const secret of [jwk(rsa.privateKey)['d'], jwk(ec.privateKey)['d']]) {
        expect(JSON.stringify([refusal.message, refusal.cause])).not.to.include(String(secret).slice(0, 12))
      }
    })
  }

  it('K-04 a JWK of EC with the public half of another is refused', async () => {
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x, y } = jwk(stranger.privateKey)
    const refusal = await failureOf(() => readPrivateKey(text({ ...jwk(ec.privateKey), x, y })))
    expect(refusal).to.have.property('code').that.is.oneOf(['key_mismatched', 'key_malformed'])
  })
})

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { jwtVerify, SignJWT } from 'jose'
import { open, seal } from '../../src/crypto/envelope.ts'
import { algorithmRow } from '../../src/keys/algorithms.ts'
import {
  generateSigningKey,
  importPublicKey,
  openSigningKey,
  opensSigningKey,
  sealSigningKey,
  thumbprint,
} from '../../src/keys/key-material.ts'
import { failureOf, newSealingKey } from './fixtures.ts'

const sealing = newSealingKey()
const [line] = sealing.lines()

function rsa(modulusLength: number, publicExponent = 65_537): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey
}

describe('the material of a signing key', () => {
  it('has the thumbprint of RFC 7638 §3.1 as its kid, whatever other members a JWK has', async () => {
    const jwk = {
      kty: 'RSA',
      n:
        '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi' +
        'FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb' +
        '9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls' +
        '1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    }
    expect(await thumbprint(jwk)).to.equal('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  it('is a pair: what the private half signs, the public half verifies', async () => {
    const pair = await generateSigningKey('RS256', line)
    const privateKey = await openSigningKey(pair, sealing)
    const { publicKey } = await importPublicKey(pair)
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)
    expect((await jwtVerify(token, publicKey)).protectedHeader.alg).to.equal('RS256')
    expect(privateKey.extractable).to.equal(false)
  })

  it('S-163 shows nothing of the private half without the sealing key, nor under another kid', async () => {
    const pair = await generateSigningKey('RS256', line)
    const encoded = open(line.bytes, pair.sealedPrivateKey, `signing:${pair.kid}`)
    const { d, ...rest } = createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' }).export({
      format: 'jwk',
    })
    expect(pair.sealedPrivateKey.includes(Buffer.from(String(d), 'base64url').subarray(0, 16))).to.equal(
      false,
    )
    expect(encoded.includes(Buffer.from(String(d), 'base64url').subarray(0, 16))).to.equal(true)
    expect(pair.publicJwk).to.deep.equal({ kty: 'RSA', n: rest.n, e: 'AQAB' })

    expect(opensSigningKey(pair.kid, pair.sealedPrivateKey, sealing)).to.equal(true)
    expect(opensSigningKey(pair.kid, pair.sealedPrivateKey, newSealingKey())).to.equal(false)
    expect(opensSigningKey('another-kid', pair.sealedPrivateKey, sealing)).to.equal(false)
  })

  for (const [what, key] of [
    ['a 1024-bit key', rsa(1024)],
    ['a key with the exponent 3', rsa(2048, 3)],
    ['an elliptic curve key', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['a key that is for RSA-PSS only', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey],
  ] as const) {
    it(`K-04 ${what} is refused for RS256`, async () => {
      expect(await failureOf(sealSigningKey('RS256', key, line))).to.include({ code: 'unsuitable_key' })
    })
  }

  it('K-04 an RSA key that takes seconds to sign, and that many verifiers refuse, is refused for RS256', () => {
    const sized = (bits: number) => {
      const n = Buffer.alloc(bits / 8, 0xff).toString('base64url')
      return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' })
    }
    const { objection } = algorithmRow('RS256')
    expect(objection(sized(8192)), 'control').to.equal(undefined)
    expect(objection(sized(8200))).to.match(/8200 bits; 8192 is the most/)
  })

  it('a 2048-bit key from elsewhere is taken', async () => {
    const pair = await sealSigningKey('RS256', rsa(2048), line)
    expect(await openSigningKey(pair, sealing)).to.include({ type: 'private' })
  })

  it('K-04 a private half that does not belong to its kid never signs, though it opens', async () => {
    const pair = await generateSigningKey('RS256', line)
    const encoded = rsa(2048).export({ format: 'der', type: 'pkcs8' })
    const foreign = { ...pair, sealedPrivateKey: seal(line.bytes, encoded, `signing:${pair.kid}`) }
    expect(opensSigningKey(pair.kid, foreign.sealedPrivateKey, sealing)).to.equal(true)
    expect(await failureOf(openSigningKey(foreign, sealing))).to.match(/belongs to another kid/)
  })

  it('K-04 a public half that does not belong to its kid is not imported', async () => {
    const [one, other] = [await generateSigningKey('RS256', line), await generateSigningKey('RS256', line)]
    const mismatched = importPublicKey({ ...one, publicJwk: other.publicJwk })
    expect(await failureOf(mismatched)).to.match(/belongs to another kid/)
  })

  it('K-05 a private half with one bit changed does not open', async () => {
    const pair = await generateSigningKey('RS256', line)
    for (const position of [0, 1, 20, pair.sealedPrivateKey.length - 1]) {
      const sealedPrivateKey = Buffer.from(pair.sealedPrivateKey)
      sealedPrivateKey.writeUInt8(sealedPrivateKey.readUInt8(position) ^ 1, position)
      expect(await failureOf(openSigningKey({ ...pair, sealedPrivateKey }, sealing))).to.be.instanceOf(Error)
    }
  })
})

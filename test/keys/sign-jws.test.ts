import { expect } from 'chai'
import { compactVerify, SignJWT } from 'jose'
import { algorithmRow, SIGNING_ALGORITHM_NAMES } from '../../src/keys/algorithms.ts'
import { generateSigningKey, importPublicKey, openSigningKey } from '../../src/keys/key-material.ts'
import { signJws } from '../../src/keys/sign-jws.ts'
import { newSealingKey } from './fixtures.ts'

const CLAIMS = { iss: 'https://id.example.com', sub: 'ünïcode', aud: ['a', 'b'], iat: 1_700_000_000 }

describe('a token that is signed without jose', () => {
  for (const algorithm of SIGNING_ALGORITHM_NAMES) {
    it(`${algorithm}: is read by jose, with its header and its claims, and by no other key`, async () => {
      const { signer, publicKey } = await makePair(algorithm)
      const other = await makePair(algorithm)
      const token = await signJws(signer, 'at+jwt', CLAIMS)

      const { payload, protectedHeader } = await compactVerify(token, publicKey)
      expect(protectedHeader).to.deep.equal({ alg: algorithm, kid: signer.kid, typ: 'at+jwt' })
      expect(JSON.parse(Buffer.from(payload).toString())).to.deep.equal(CLAIMS)
      expect(await compactVerify(token, other.publicKey).catch(({ code }) => code)).to.equal(
        'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
      )
    })
  }

  it('S-140 is, where the algorithm leaves no choice, to the byte what jose makes of the same claims', async () => {
    for (const algorithm of ['RS256', 'EdDSA'] as const) {
      const { signer } = await makePair(algorithm)
      const { kid, key } = signer
      const expected = await new SignJWT(CLAIMS)
        .setProtectedHeader({ alg: algorithm, kid, typ: 'at+jwt' })
        .sign(key)
      expect(await signJws(signer, 'at+jwt', CLAIMS)).to.equal(expected)
      expect(await signJws(signer, 'other+jwt', CLAIMS), 'another typ').not.to.equal(expected)
      expect(await signJws(signer, 'at+jwt', CLAIMS), 'and back').to.equal(expected)
    }
  })

  it('has the form of RFC 7518 where OpenSSL has another one: 64 bytes for ES256', async () => {
    const { signer } = await makePair('ES256')
    const signature = (await signJws(signer, 'at+jwt', CLAIMS)).split('.')[2] ?? ''
    expect(Buffer.from(signature, 'base64url')).to.have.length(64)
    expect(algorithmRow('ES256').signature).to.deep.equal({ dsaEncoding: 'ieee-p1363' })
  })
})

async function makePair(algorithm: (typeof SIGNING_ALGORITHM_NAMES)[number]) {
  const sealing = newSealingKey()
  const [line] = sealing.lines()
  const pair = await generateSigningKey(algorithm, line)
  const key = await openSigningKey(pair, sealing)
  const { publicKey } = await importPublicKey(pair)
  return { signer: { kid: pair.kid, algorithm, key }, publicKey }
}

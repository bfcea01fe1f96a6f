import { expect } from 'chai'
import fc from 'fast-check'
import { digestSecret, equalDigests, isWellFormedSecret, makeSecret } from '../../src/crypto/secret.ts'

/** The bytes 0 to 31, with a checksum and a digest that another program has computed. */
const KNOWN = 'ktcs_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_J-GGaZ'
const KNOWN_DIGEST = 'd6a532afdf77d6f51d10d08bfe96114dad2e879acd8fd6d14276bc2f07191344'

describe('a secret', () => {
  it('has the known checksum and the known digest', () => {
    expect(isWellFormedSecret('ktcs', KNOWN)).to.equal(true)
    expect(digestSecret(KNOWN).toString('hex')).to.equal(KNOWN_DIGEST)
  })

  it('has 256 bits, a prefix and a checksum, and a form that needs no escaping anywhere', () => {
    const secret = makeSecret('ktcs')
    expect(secret).to.match(/^ktcs_[A-Za-z0-9_-]{43}_[A-Za-z0-9_-]{6}$/)
    expect(encodeURIComponent(secret)).to.equal(secret)
    expect(isWellFormedSecret('ktcs', secret)).to.equal(true)
  })

  it('S-057 ten thousand are all different, in their first eight characters already', () => {
    const secrets = Array.from({ length: 10_000 }, () => makeSecret('ktcs'))
    expect(new Set(secrets).size).to.equal(10_000)
    expect(new Set(secrets.map((secret) => secret.slice(5, 13))).size).to.equal(10_000)
  })

  it('S-059 is not well formed with any one character changed, cut, added or moved', () => {
    fc.assert(
      fc.property(fc.nat(KNOWN.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        fc.pre(KNOWN[at] !== character)
        const changed = KNOWN.slice(0, at) + character + KNOWN.slice(at + 1)
        expect(isWellFormedSecret('ktcs', changed), changed).to.equal(false)
      }),
    )
    for (let length = 0; length < KNOWN.length; length++) {
      expect(isWellFormedSecret('ktcs', KNOWN.slice(0, length)), `${length}`).to.equal(false)
    }
    for (const other of [`${KNOWN}A`, `${KNOWN}=`, `${KNOWN}\n`, ` ${KNOWN}`, KNOWN.toUpperCase(), '', '_']) {
      expect(isWellFormedSecret('ktcs', other), other).to.equal(false)
    }
  })

  it('S-060 of one kind is not taken for another', () => {
    expect(isWellFormedSecret('ktak', KNOWN)).to.equal(false)
    expect(isWellFormedSecret('ktcs', makeSecret('ktak'))).to.equal(false)
    expect(isWellFormedSecret('ktc', KNOWN)).to.equal(false)
  })

  it('is compared by digest: equal to itself, to no other, and to none that is cut', () => {
    const digest = digestSecret(KNOWN)
    expect(equalDigests(digest, digestSecret(KNOWN))).to.equal(true)
    expect(equalDigests(digest, digestSecret(`${KNOWN} `))).to.equal(false)
    expect(equalDigests(digest, digest.subarray(0, 31))).to.equal(false)
    expect(equalDigests(new Uint8Array(0), digest)).to.equal(false)
  })
})

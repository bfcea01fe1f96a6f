import { expect } from 'chai'
import fc from 'fast-check'
import { open, seal } from '../../src/crypto/envelope.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index))

/** Test case 15 of "The Galois/Counter Mode of Operation" (McGrew, Viega), the paper that defines GCM: no AAD. */
const PAPER = {
  key: hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
  plaintext: hex(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
      '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
  ),
  nonce: 'cafebabefacedbaddecaf888',
  ciphertext:
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
    '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad',
  tag: 'b094dac5d93471bdec1a502270e3cc6c',
}
/** The same key bytes 0 to 31, nonce 0 to 11 and context `kid-1`, computed by another implementation. */
const WITH_CONTEXT = hex(
  '01000102030405060708090a0b336ab33bb597ab6dec35f2abda8c01e9e8897fe55627d50e7f660ce146d040',
)

describe('the envelope', () => {
  it('S-163 opens what others have sealed with AES-256-GCM', () => {
    const sealed = hex(`01${PAPER.nonce}${PAPER.ciphertext}${PAPER.tag}`)
    expect(open(PAPER.key, sealed, '')).to.deep.equal(PAPER.plaintext)
    expect(open(KEY, WITH_CONTEXT, 'kid-1').toString()).to.equal('the private key')
  })

  it('S-163 opens whatever it has sealed, with the same key and context only', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.string(),
        fc.string(),
        (plaintext, context, other) => {
          const sealed = seal(KEY, plaintext, context)
          expect(sealed.length).to.equal(1 + 12 + plaintext.length + 16)
          expect(Uint8Array.from(open(KEY, sealed, context))).to.deep.equal(plaintext)
          if (other !== context) expect(() => open(KEY, sealed, other)).to.throw()
          expect(() => open(Buffer.alloc(32, 9), sealed, context)).to.throw()
        },
      ),
    )
  })

  it('S-163 does not open with any one bit changed, cut or extended', () => {
    for (let bit = 0; bit < WITH_CONTEXT.length * 8; bit++) {
      const changed = Buffer.from(WITH_CONTEXT)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => open(KEY, changed, 'kid-1'), `bit ${bit}`).to.throw()
    }
    for (let length = 0; length < WITH_CONTEXT.length; length++) {
      expect(() => open(KEY, WITH_CONTEXT.subarray(0, length), 'kid-1'), `${length} bytes`).to.throw()
    }
    expect(() => open(KEY, Buffer.concat([WITH_CONTEXT, Buffer.of(0)]), 'kid-1')).to.throw()
  })

  it('S-163 never uses a nonce twice', () => {
    const nonces = Array.from({ length: 10_000 }, () => seal(KEY, Buffer.of(), '').toString('hex', 1, 13))
    expect(new Set(nonces).size).to.equal(10_000)
  })

  it('says nothing of the key or the plaintext when it does not open', () => {
    const secret = 'not for the log'
    const sealed = seal(KEY, Buffer.from(secret), 'kid-1')
    let thrown: unknown
    try {
      open(KEY, sealed, 'kid-2')
    } catch (error) {
      thrown = error
    }
    expect(thrown).to.be.instanceOf(Error)
    expect((thrown as Error).stack).not.to.include(secret)
  })
})

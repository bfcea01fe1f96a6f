import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { refreshTokens } from '../../src/tokens/refresh-token.ts'

/** A fixed key, family and generation. */
const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex')
const FAMILY = {
  id: Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex'),
  salt: Buffer.from('505152535455565758595a5b5c5d5e5f', 'hex'),
  clientId: 'client_0123456789abcdef0123',
}
const OTHER = { ...FAMILY, clientId: 'client_ffffffffffffffffffff' }
const tokens = refreshTokens({ version: (version) => (version === 1 ? KEY : undefined) })

/** Computed apart from this code, with another language's HMAC. */
const KNOWN_ANSWERS = {
  1: 'rt1.AAGgoaKjpKWmp6ipqqusra6vAAAAAaHgtDQsz4gigaNKS_OReqL0shv4V_SrKXVMmbQ8uWx0wYDww0o0uVdaE9mP',
  65536: 'rt1.AAGgoaKjpKWmp6ipqqusra6vAAEAAJ6b9msE15UVjocWnxPQ9v2yIal1ouw081Tr9OqrXdjNqAY2Aj-WE9T65FiM',
} as const

/** The same form written down a second time, from its description in docs/adr/0003-refresh-families.md. */
function written(generation: number): string {
  const head = Buffer.concat([Buffer.from([0, 1]), FAMILY.id, Buffer.alloc(4)])
  head.writeUInt32BE(generation, 18)
  const key = (salt: Buffer, use: string) => Buffer.from(hkdfSync('sha256', KEY, salt, use, 32))
  const hmac = (secret: Buffer, ...parts: (string | Buffer)[]) => {
    return parts.reduce((mac, part) => mac.update(part), createHmac('sha256', secret)).digest()
  }
  const mac = hmac(key(FAMILY.salt, 'keyturn rt1 mac'), 'rt1.', head, FAMILY.clientId)
  const body = Buffer.concat([head, mac])
  const tag = hmac(key(Buffer.alloc(0), 'keyturn rt1 tag'), 'rt1.', body).subarray(0, 12)
  return `rt1.${Buffer.concat([body, tag]).toString('base64url')}`
}

describe('the refresh token', () => {
  it('has the known answer for a known key, family and generation', () => {
    expect(tokens.print(FAMILY, 1, 1)).to.equal(KNOWN_ANSWERS[1])
    expect(tokens.print(FAMILY, 65_536, 1)).to.equal(KNOWN_ANSWERS[65_536])
  })

  it('is what its description says', () => {
    for (const generation of [1, 2, 255, 256, 4_294_967_295]) {
      expect(tokens.print(FAMILY, generation, 1)).to.equal(written(generation))
    }
  })

  it('is read back as it was made, and is genuine for its own family only', () => {
    const token = tokens.parse(tokens.print(FAMILY, 9, 1))
    if (!token) throw new Error('a genuine token must parse')
    expect(token).to.deep.include({ keyVersion: 1, familyId: FAMILY.id, generation: 9 })
    expect(tokens.isGenuine(token, FAMILY)).to.equal(true)
    expect(tokens.isGenuine(token, OTHER), 'another client').to.equal(false)
    expect(tokens.isGenuine(token, { ...FAMILY, salt: randomBytes(16) }), 'another salt').to.equal(false)
  })

  it('S-059 is refused with any one bit flipped, cut, extended, padded or spelled otherwise', () => {
    const good = tokens.print(FAMILY, 3, 1)
    const bytes = Buffer.from(good.slice(4), 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(tokens.parse(`rt1.${flipped.toString('base64url')}`), `bit ${bit}`).to.equal(undefined)
    }
    const spellings = [
      good.slice(0, -1),
      `${good}A`,
      `${good}=`,
      ` ${good}`,
      `${good}\n`,
      good.toUpperCase(),
      '',
      'rt1.',
    ]
    for (const text of [...spellings, good.replace('rt1.', 'rt2.'), good.slice(4)]) {
      expect(tokens.parse(text), text).to.equal(undefined)
    }
    expect(tokens.parse(good), 'control').not.to.equal(undefined)
  })

  it('S-060 no other kind of token is taken for one', () => {
    expect(tokens.parse('eyJhbGciOiJub25lIn0.e30.')).to.equal(undefined)
    expect(tokens.parse(`rt1.${randomBytes(66).toString('base64url')}`)).to.equal(undefined)
  })

  it('differs for each generation, family and client', () => {
    const made = [1, 2, 3].flatMap((n) => [tokens.print(FAMILY, n, 1), tokens.print(OTHER, n, 1)])
    expect(new Set(made).size).to.equal(6)
  })
})

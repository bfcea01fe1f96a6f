import { expect } from 'chai'
import { requireSigning } from '../../src/keys/algorithm-choice.ts'
import type { SigningKey } from '../../src/keys/signing-key.ts'
import { Refusal } from '../../src/refusal.ts'
import { at, key, NOW, SCHEDULE } from './fixtures.ts'

/** The code and text of the refusal; undefined where a client may have the algorithm. */
function refusal(
  algorithm: string,
  keys: readonly SigningKey[],
): { code: string; message: string } | undefined {
  try {
    requireSigning(algorithm, keys, NOW, SCHEDULE)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, message: error.message }
    throw error
  }
}

const DAY = 86_400
const active = key('active', { published: -DAY, activates: -60 }, 'ES256')
const first = key('first', { published: -60, activates: 60 }, 'ES256')

describe('the algorithm that a client may choose', () => {
  it('is one of which a key signs', () => {
    expect(refusal('ES256', [active])).to.equal(undefined)
    expect(refusal('ES256', [active, key('next', { published: 0, activates: DAY }, 'ES256')])).to.equal(
      undefined,
    )
  })

  it('or the default, also before the first start', () => {
    expect(refusal('RS256', [])).to.equal(undefined)
  })

  it('is refused until its first key signs, with the time', () => {
    expect(refusal('ES256', [first])).to.include({ code: 'too_early' })
    expect(refusal('ES256', [first])?.message).to.include(at(60).toISOString())
  })

  it('is refused where nobody has introduced it, or all its keys were revoked, with the command that helps', () => {
    const revoked = key('revoked', { published: -DAY, activates: -60, revoked: -1 }, 'ES256')
    for (const keys of [[], [key('rsa', { published: -DAY, activates: -DAY })], [revoked]]) {
      expect(refusal('ES256', keys)).to.include({ code: 'algorithm_not_introduced' })
      expect(refusal('ES256', keys)?.message).to.include('keyturn keys rotate --algorithm ES256')
    }
  })

  it('is refused by any other name, and the names are told', () => {
    for (const name of ['PS256', 'es256', 'none', 'HS256', '', '__proto__', 'toString']) {
      expect(refusal(name, [active]), name).to.include({ code: 'algorithm_unknown' })
      expect(refusal(name, [active])?.message).to.include('RS256, ES256, EdDSA')
    }
  })
})

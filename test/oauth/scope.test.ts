import { expect } from 'chai'
import fc from 'fast-check'
import { OAuthError } from '../../src/oauth/errors.ts'
import { isScopeToken, narrowScope, parseScope, printScope } from '../../src/oauth/scope.ts'

/** RFC 6749 §3.3, written down a second time. */
const ALLOWED = Array.from({ length: 0x7f - 0x21 }, (_, index) => String.fromCharCode(0x21 + index)).filter(
  (character) => character !== '"' && character !== '\\',
)
const token = fc.string({ unit: fc.constantFrom(...ALLOWED), minLength: 1, maxLength: 12 })
const tokens = fc.uniqueArray(token, { minLength: 1, maxLength: 20 })

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof OAuthError) return error.code
    throw error
  }
  return 'allowed'
}

describe('a scope', () => {
  it('is read as it was printed', () => {
    fc.assert(
      fc.property(tokens, (given) => {
        expect(parseScope(printScope(given))).to.deep.equal(given)
      }),
    )
  })

  it('S-054 whatever else is presented is read or refused as invalid_scope', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (value) => {
        const isGrammatical = value.split(' ').every((part) => part !== '' && [...part].every(isAllowed))
        expect(codeOf(() => parseScope(value))).to.equal(isGrammatical ? 'allowed' : 'invalid_scope')
      }),
      { numRuns: 500 },
    )
  })

  it('S-054 duplicates are folded, case is not', () => {
    expect(parseScope('read write read')).to.deep.equal(['read', 'write'])
    expect(parseScope('read READ')).to.deep.equal(['read', 'READ'])
  })

  it('S-054 quotes, controls, other scripts, odd spaces and ten kilobytes are refused', () => {
    const values = ['"', 'a"b', 'a\\b', 'a\0', 'a\tb', 'a\nb', 'ä', 'a\u00a0b', '', ' ', ' a', 'a ', 'a  b']
    for (const value of [...values, 'x'.repeat(10_240), 'a '.repeat(5000).trim()]) {
      expect(
        codeOf(() => parseScope(value)),
        JSON.stringify(value.slice(0, 20)),
      ).to.equal('invalid_scope')
    }
    expect(isScopeToken('https://api.example.com/read:all')).to.equal(true)
  })

  it('S-054 nothing is ever widened: what is granted was asked for and is allowed', () => {
    fc.assert(
      fc.property(tokens, tokens, (requested, allowed) => {
        const isWithin = requested.every((one) => allowed.includes(one))
        const code = codeOf(() => {
          expect(narrowScope(printScope(requested), allowed)).to.deep.equal(requested)
        })
        expect(code).to.equal(isWithin ? 'allowed' : 'invalid_scope')
      }),
    )
  })

  it('S-054 asking for nothing gives what the client may have, and no more', () => {
    expect(narrowScope(undefined, ['read', 'write'])).to.deep.equal(['read', 'write'])
    expect(narrowScope(undefined, [])).to.deep.equal([])
    expect(codeOf(() => narrowScope('read', []))).to.equal('invalid_scope')
  })
})

function isAllowed(character: string): boolean {
  return ALLOWED.includes(character)
}

import { expect } from 'chai'
import fc from 'fast-check'
import { OAuthError } from '../../src/oauth/errors.ts'
import { type Form, parseForm } from '../../src/oauth/form.ts'

const parse = (text: string): Form => parseForm(Buffer.from(text, 'latin1'))

/** What parsing throws: only OAuthError may come out of it. */
function refusal(body: Uint8Array | string): OAuthError {
  try {
    parseForm(typeof body === 'string' ? Buffer.from(body, 'latin1') : body)
  } catch (error) {
    if (error instanceof OAuthError) return error
    throw error
  }
  throw new Error(`not refused: ${JSON.stringify(Buffer.from(body).toString('latin1'))}`)
}

/** Text that a form may carry: any Unicode but NUL. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes('\0'))
const pairs = fc.uniqueArray(fc.tuple(text, text), { maxLength: 50, selector: ([name]) => name })

describe('the form', () => {
  it('gives back what was printed, whoever printed it', () => {
    const printers: ((pairs: [string, string][]) => string)[] = [
      (pairs) => new URLSearchParams(pairs).toString(),
      (pairs) => pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&'),
      (pairs) => pairs.map((pair) => pair.map(everyByteEscaped).join('=')).join('&&'),
    ]
    fc.assert(
      fc.property(pairs, fc.constantFrom(...printers), (given, print) => {
        const form = parse(print(given))
        for (const [name, value] of given) expect(form.optional(name)).to.equal(value || undefined)
      }),
    )
  })

  it('S-011 S-024 any other bytes are read or refused as invalid_request, and nothing else happens', () => {
    const fragment = fc.constantFrom(
      '=',
      '&',
      '%',
      '%z',
      '%00',
      '%C0%80',
      '%ED%A0%80',
      '+',
      'scope',
      'é',
      '[]',
    )
    const almost = fc.array(fragment, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''), 'latin1'))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), almost), (body) => {
        try {
          parseForm(body)
        } catch (error) {
          expect(error).to.be.instanceOf(OAuthError)
          expect((error as OAuthError).code).to.equal('invalid_request')
        }
      }),
      { numRuns: 2000 },
    )
  })

  const refused: [what: string, body: string, reason: string][] = [
    ['a percent sign alone', 'a=%', 'form_percent'],
    ['half an escape', 'a=%4', 'form_percent'],
    ['an escape that is no number', 'a=%zz', 'form_percent'],
    ['an escape in a name that is no number', '%zz=a', 'form_percent'],
    ['an overlong form', 'a=%C0%80', 'form_percent'],
    ['a lone surrogate', 'a=%ED%A0%80', 'form_percent'],
    ['bytes that are no UTF-8', 'a=%FF', 'form_percent'],
    ['NUL', 'a=%00', 'form_nul'],
    ['NUL in a name', 'a%00b=1', 'form_nul'],
    ['a raw byte above ASCII', 'a=\xe9', 'form_byte'],
    ['a raw space', 'a=b c', 'form_byte'],
    ['a raw line end', 'a=b\r\n', 'form_byte'],
    ['a raw NUL', 'a=\0', 'form_byte'],
    ['more parameters than anybody sends', 'a=&'.repeat(101), 'form_too_many'],
  ]
  for (const [what, body, reason] of refused) {
    it(`S-011 ${what} is refused`, () => {
      const { code, reason: given } = refusal(body)
      expect([code, given]).to.deep.equal(['invalid_request', reason])
    })
  }

  it('S-005 a parameter twice is refused, with the same value, another one or none', () => {
    for (const body of ['a=1&a=1', 'a=1&a=2', 'a=&a=1', 'a&a=1', '%61=1&a=1', 'scope=r&b=1&scope=r']) {
      expect(refusal(body).reason, body).to.equal('form_duplicate')
    }
  })

  it('S-005 resource and audience may repeat; empty ones do not count', () => {
    const form = parse('resource=urn:a&audience=x&resource=urn:b&resource=&audience=y')
    expect(form.many('resource')).to.deep.equal(['urn:a', 'urn:b'])
    expect(form.many('audience')).to.deep.equal(['x', 'y'])
  })

  it('S-006 brackets are letters like any other', () => {
    const form = parse('refresh_token[]=x&scope%5Ba%5D=b&grant_type[0]=password')
    for (const name of ['refresh_token', 'scope', 'grant_type']) {
      expect(form.optional(name), name).to.equal(undefined)
      expect(form.many(name), name).to.deep.equal([])
    }
    expect(form.optional('scope[a]')).to.equal('b')
  })

  it('S-008 an empty value counts as left out, and a missing one that is needed is named', () => {
    for (const body of ['', 'scope=', 'scope', '&', '&&', '=']) {
      expect(parse(body).optional('scope'), body).to.equal(undefined)
    }
    expect(() => parse('token=').required('token')).to.throw(OAuthError, 'token is missing')
  })

  it('S-026 names that every object has are names like any other', () => {
    const form = parse('__proto__=p&constructor=c&__proto__.polluted=1')
    expect(form.optional('__proto__')).to.equal('p')
    expect(form.optional('constructor')).to.equal('c')
    expect(form.optional('toString')).to.equal(undefined)
    expect(form.optional('hasOwnProperty')).to.equal(undefined)
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
  })
})

function everyByteEscaped(value: string): string {
  return Buffer.from(value, 'utf8').toString('hex').replaceAll(/../g, '%$&')
}

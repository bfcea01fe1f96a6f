import { expect } from 'chai'
import fc from 'fast-check'
import { OAuthError } from '../../src/oauth/errors.ts'
import { chooseAudience } from '../../src/oauth/resource.ts'

const ISSUER = 'https://id.example.com'
const API = 'https://api.example.com'

function refusalOf(requested: string[], allowed: string[]): string {
  try {
    return `allowed ${chooseAudience(requested, allowed, ISSUER)}`
  } catch (error) {
    if (error instanceof OAuthError) return error.code
    throw error
  }
}

describe('the audience', () => {
  it('is the resource that was asked for, else the first one allowed, else the issuer', () => {
    expect(chooseAudience(['urn:b'], ['urn:a', 'urn:b'], ISSUER)).to.deep.equal(['urn:b'])
    expect(chooseAudience([], ['urn:a', 'urn:b'], ISSUER)).to.deep.equal(['urn:a'])
    expect(chooseAudience([], [], ISSUER)).to.deep.equal([ISSUER])
  })

  it('S-055 may be several resources, each once', () => {
    expect(chooseAudience(['urn:b', 'urn:a', 'urn:b'], ['urn:a', 'urn:b'], ISSUER)).to.deep.equal([
      'urn:b',
      'urn:a',
    ])
  })

  it('S-055 one that is not allowed is refused, and with it those that are', () => {
    expect(refusalOf([API, 'https://other.example.com'], [API])).to.equal('invalid_target')
  })

  it('S-055 is compared to the letter', () => {
    const twins = [
      `${API}/`,
      `${API}:443`,
      'HTTPS://api.example.com',
      `${API}?`,
      ` ${API}`,
      `${API}.`,
      `${API}/../`,
    ]
    for (const twin of twins) expect(refusalOf([twin], [API]), twin).to.equal('invalid_target')
  })

  it('S-055 is absolute and has no fragment, even where somebody registered one', () => {
    for (const value of ['/api', 'api', '//api.example.com', `${API}#part`, `${API}#`, '']) {
      expect(refusalOf([value], [value]), value).to.equal('invalid_target')
    }
  })

  it('S-055 whatever is asked for, nothing is granted that is not allowed', () => {
    const name = fc.constantFrom(API, `${API}/`, 'urn:a', 'urn:b', 'a', '', '#')
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), fc.array(name), (requested, allowed) => {
        const isRefused = refusalOf(requested, allowed) === 'invalid_target'
        if (!isRefused) expect(allowed).to.include.members(requested)
        if (!requested.every((one) => allowed.includes(one))) expect(isRefused).to.equal(true)
      }),
    )
  })
})

import { expect } from 'chai'
import fc from 'fast-check'
import { type ClientDetails, makeClient } from '../../src/clients/client-details.ts'
import { Refusal } from '../../src/refusal.ts'
import { CREATED } from './fixtures.ts'

const make = (details: Partial<ClientDetails> = {}) =>
  makeClient('client_one', { name: 'App', ...details }, CREATED)

function refusal(details: Partial<ClientDetails>): string {
  try {
    make(details)
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
  return 'made'
}

describe('the details of a client', () => {
  it('give a confidential client that may do nothing, where they say nothing', () => {
    expect(make()).to.deep.equal({
      id: 'client_one',
      name: 'App',
      isConfidential: true,
      isNative: false,
      isFirstParty: false,
      grants: [],
      scopes: [],
      audiences: [],
      redirectUris: [],
      allowedOrigins: [],
      authenticationMethods: ['client_secret_basic', 'client_secret_post'],
      latePolicy: 'supersede',
      accessTokenAlg: null,
      accessTokenTtlSeconds: null,
      refreshIdleTtlSeconds: null,
      refreshAbsoluteTtlSeconds: null,
      unrememberedTtlSeconds: null,
      createdAt: CREATED,
      disabledAt: null,
    })
  })

  it('S-036 a public client has no secret to authenticate with, and cannot act for itself', () => {
    expect(make({ isPublic: true }).authenticationMethods).to.deep.equal(['none'])
    expect(refusal({ isPublic: true, grants: ['client_credentials'] })).to.match(/^grant: .* needs a secret/)
  })

  it('the late policy follows from the kind of client, unless it is said', () => {
    expect(make({ isPublic: true }).latePolicy).to.equal('revoke')
    expect(make({ isPublic: true, isNative: true }).latePolicy).to.equal('supersede')
    expect(make({ latePolicy: 'revoke' }).latePolicy).to.equal('revoke')
    expect(make({ isPublic: true, latePolicy: 'supersede' }).latePolicy).to.equal('supersede')
  })

  it('S-050 only a first-party client may be shown passwords', () => {
    expect(refusal({ grants: ['password'] })).to.match(/first-party/)
    expect(make({ grants: ['password'], isFirstParty: true }).grants).to.deep.equal(['password'])
  })

  it('duplicates are folded', () => {
    const { grants, scopes } = make({ grants: ['refresh_token', 'refresh_token'], scopes: ['a', 'b', 'a'] })
    expect([grants, scopes]).to.deep.equal([['refresh_token'], ['a', 'b']])
  })

  const refused: [what: string, details: Partial<ClientDetails>][] = [
    ['an unknown grant', { grants: ['implicit'] }],
    ['a grant by the name of what every object has', { grants: ['constructor', '__proto__'] }],
    ['no name', { name: '' }],
    ['a name of 201 characters', { name: 'a'.repeat(201) }],
    ['a name with a line end', { name: 'a\nb' }],
    ['a name that turns the line around', { name: 'a\u202eb' }],
    ['a scope with a space', { scopes: ['a b'] }],
    ['a scope with a quote', { scopes: ['"'] }],
    ['an empty scope', { scopes: [''] }],
    ['an empty audience', { audiences: [''] }],
    ['an audience with NUL', { audiences: ['a\0'] }],
    ['101 audiences', { audiences: Array.from({ length: 101 }, (_, index) => `urn:${index}`) }],
    ['a relative redirect', { redirectUris: ['/callback'] }],
    ['a redirect with a fragment', { redirectUris: ['https://app.example.com/#x'] }],
    ['a redirect in clear text', { redirectUris: ['http://app.example.com/'] }],
    ['a redirect to a host that only starts like this machine', { redirectUris: ['http://localhost.evil/'] }],
    ['a script as redirect', { redirectUris: ['javascript:alert(1)'] }],
    ['data as redirect', { redirectUris: ['data:text/html,x'] }],
    ['a lifetime below a minute', { accessTokenTtlSeconds: 59 }],
    ['an access token beyond an hour', { accessTokenTtlSeconds: 3601 }],
    [
      'an idle lifetime beyond the absolute one',
      { refreshIdleTtlSeconds: 61, refreshAbsoluteTtlSeconds: 60 },
    ],
    ['half a second', { accessTokenTtlSeconds: 90.5 }],
    ['no number', { refreshIdleTtlSeconds: Number.NaN }],
    ['eleven years', { refreshAbsoluteTtlSeconds: 11 * 365 * 86_400 }],
  ]
  for (const [what, details] of refused) {
    it(`${what} is refused, with the rule`, () => {
      expect(refusal(details)).to.match(/^[a-z -]+: .{10,}/)
    })
  }

  it('redirects to this machine may be in clear text (RFC 8252 §7.3)', () => {
    const redirectUris = [
      'http://127.0.0.1/cb',
      'http://[::1]:8080/cb',
      'http://localhost/cb',
      'com.example:/cb',
    ]
    expect(make({ redirectUris }).redirectUris).to.deep.equal(redirectUris)
  })

  it('whatever is said, a client is made or the request is refused', () => {
    const words = fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 })
    fc.assert(
      fc.property(
        fc.record({
          name: fc.string({ unit: 'binary' }),
          scopes: words,
          audiences: words,
          redirectUris: words,
        }),
        (details) => {
          expect(refusal(details)).to.be.a('string')
        },
      ),
    )
  })
})

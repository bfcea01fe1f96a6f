import { expect } from 'chai'
import fc from 'fast-check'
import { authenticateClient, parseClientCredentials } from '../../src/clients/authentication.ts'
import { makeClientSecret } from '../../src/clients/client-secret.ts'
import { OAuthError } from '../../src/oauth/errors.ts'
import { parseForm } from '../../src/oauth/form.ts'
import { exampleClient, storedSecret } from './fixtures.ts'

const form = (fields: Record<string, string> = {}) =>
  parseForm(Buffer.from(new URLSearchParams(fields).toString()))
const basic = (credentials: string) => `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof OAuthError) return `${error.code} ${error.reason}`
    throw error
  }
  return 'accepted'
}

describe("the client's credentials", () => {
  it('S-030 both halves of Basic are form-encoded inside', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }).filter((id) => !id.includes('\0')),
        fc.string({ unit: 'grapheme' }).filter((secret) => !secret.includes('\0')),
        (clientId, secret) => {
          for (const encode of [encodeURIComponent, formEncode]) {
            const parsed = parseClientCredentials(basic(`${encode(clientId)}:${encode(secret)}`), form())
            expect(parsed).to.deep.equal({ clientId, secret, method: 'client_secret_basic' })
          }
        },
      ),
    )
    const parsed = parseClientCredentials(basic('a%3Ab:%3A%25%2B+%C3%A9'), form())
    expect([parsed.clientId, parsed.secret]).to.deep.equal(['a:b', ':%+ é'])
  })

  it('S-031 the scheme may be written in any case, with more than one space', () => {
    for (const scheme of ['Basic', 'bAsIc', 'BASIC ']) {
      const parsed = parseClientCredentials(basic('a:b').replace('Basic', scheme), form())
      expect(parsed).to.include({ clientId: 'a', secret: 'b' })
    }
  })

  const encoded = Buffer.from('client:secret?>').toString('base64')
  const broken: [what: string, authorization: string][] = [
    ['no credentials', 'Basic'],
    ['only spaces', 'Basic   '],
    ['no base64', 'Basic !!!'],
    ['no colon', basic('client')],
    ['no id', basic(':secret')],
    ['bytes that are no UTF-8', `Basic ${Buffer.from('c:\xe9', 'latin1').toString('base64')}`],
    ['the alphabet of base64url', `Basic ${encoded.replace('+', '-').replace('/', '_')}x-_`],
    ['padding left out', `Basic ${Buffer.from('c:se').toString('base64').replace(/=+$/, '')}`],
    ['padding too much', `${basic('c:s')}=`],
    ['bits that do not count', 'Basic YzpzZX=='],
    ['more after it', `${basic('c:s')} x`],
    ['a comma and another one', `${basic('c:s')}, ${basic('c:s')}`],
    ['an escape that is none', basic('c:%zz')],
    ['NUL', basic('c%00:s')],
    ['a raw NUL', basic('c:\0')],
    ['another scheme', 'Bearer abc'],
    ['no scheme', encoded],
  ]
  for (const [what, authorization] of broken) {
    it(`S-031 ${what} is invalid_client`, () => {
      expect(refusal(() => parseClientCredentials(authorization, form()))).to.match(/^invalid_client /)
    })
  }

  it('S-031 any header is read or refused as invalid_client', () => {
    const nearly = fc
      .tuple(fc.constantFrom('Basic ', 'basic  ', 'Basic'), fc.base64String())
      .map((two) => two.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.string({ minLength: 1 }), nearly), (authorization) => {
        expect(refusal(() => parseClientCredentials(authorization, form()))).to.match(
          /^(accepted|invalid_client )/,
        )
      }),
    )
  })

  it('S-032 two ways at once are refused, whichever they are', () => {
    const header = basic('client_one:secret')
    const two: [string, Record<string, string>][] = [
      [header, { client_secret: 'secret' }],
      [header, { client_assertion: 'eyJ' }],
      ['', { client_id: 'client_one', client_secret: 'secret', client_assertion: 'eyJ' }],
    ]
    for (const [authorization, fields] of two) {
      expect(refusal(() => parseClientCredentials(authorization, form(fields)))).to.equal(
        'invalid_request client_two_methods',
      )
    }
  })

  it('S-033 two ids are refused, the same one twice is not', () => {
    const header = basic('client_one:secret')
    expect(refusal(() => parseClientCredentials(header, form({ client_id: 'client_two' })))).to.equal(
      'invalid_request client_two_ids',
    )
    expect(refusal(() => parseClientCredentials(header, form({ client_id: 'client_one' })))).to.equal(
      'accepted',
    )
  })

  it('S-035 none at all is invalid_client', () => {
    expect(refusal(() => parseClientCredentials('', form()))).to.equal('invalid_client client_missing')
    expect(refusal(() => parseClientCredentials('', form({ client_secret: 's' })))).to.equal(
      'invalid_client client_missing',
    )
  })
})

describe('client authentication', () => {
  const secret = makeClientSecret()
  const second = makeClientSecret()
  const stored = [storedSecret(secret), storedSecret(second)]
  const presented = (
    value: string | undefined,
    method: 'client_secret_basic' | 'client_secret_post' | 'none',
  ) => ({
    clientId: 'client_one',
    secret: value,
    method,
  })

  it('S-040 either of two secrets is accepted, by either method, and which one is told', () => {
    for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
      const found = { client: exampleClient(), secrets: stored }
      expect(authenticateClient(presented(secret, method), found).secret).to.equal(stored[0])
      expect(authenticateClient(presented(second, method), found).secret).to.equal(stored[1])
    }
  })

  it('S-036 a public client is accepted without a secret, and with none other', () => {
    const found = { client: exampleClient({ isPublic: true, grants: [] }), secrets: [] }
    expect(authenticateClient(presented(undefined, 'none'), found).secret).to.equal(undefined)
    for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
      expect(refusal(() => authenticateClient(presented(secret, method), found))).to.match(/^invalid_client /)
    }
  })

  const disabled = exampleClient({}, { disabledAt: new Date(0) })
  const onlyBasic = exampleClient({}, { authenticationMethods: ['client_secret_basic'] })
  const rows: [
    what: string,
    found: Parameters<typeof authenticateClient>[1],
    value: string,
    reason: string,
  ][] = [
    ['S-034 an unknown client', undefined, secret, 'client_unknown'],
    [
      'S-034 a wrong secret',
      { client: exampleClient(), secrets: stored },
      makeClientSecret(),
      'client_secret_wrong',
    ],
    [
      'S-034 a secret of another form',
      { client: exampleClient(), secrets: stored },
      'x',
      'client_secret_wrong',
    ],
    [
      'S-034 a client whose secrets have ended',
      { client: exampleClient(), secrets: [] },
      secret,
      'client_secret_wrong',
    ],
    [
      'S-037 a method it is not registered for',
      { client: onlyBasic, secrets: stored },
      secret,
      'client_method_not_allowed',
    ],
    ['S-039 a disabled client', { client: disabled, secrets: stored }, secret, 'client_disabled'],
  ]
  for (const [what, found, value, reason] of rows) {
    it(`${what} is invalid_client; the log alone knows why`, () => {
      expect(refusal(() => authenticateClient(presented(value, 'client_secret_post'), found))).to.equal(
        `invalid_client ${reason}`,
      )
    })
  }

  it('S-035 a confidential client must show a secret', () => {
    const found = { client: exampleClient(), secrets: stored }
    for (const value of [undefined, '']) {
      expect(refusal(() => authenticateClient(presented(value, 'none'), found))).to.match(/^invalid_client /)
      expect(refusal(() => authenticateClient(presented(value, 'client_secret_basic'), found))).to.match(
        /^invalid_client /,
      )
    }
  })
})

/** As HTML forms do it: `+` for a space. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { OAuthError } from '../../src/oauth/errors.ts'

/** RFC 6749 §5.2: what an `error_description` may be made of. */
const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/

/** The text that each `new OAuthError` and `new HttpError` in the program sends, as it is written there. */
function descriptions(): string[] {
  const root = new URL('../../src/', import.meta.url)
  const files = readdirSync(root, { recursive: true }) as string[]
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...readFileSync(new URL(file, root), 'utf8').matchAll(
        /new OAuthError\(\s*'\w+',\s*(['`])([\s\S]*?)\1|new HttpError\(\s*\d+,\s*'\w+',\s*(['`])([\s\S]*?)\3/g,
      ),
    ])
    .map((match) => match[2] ?? match[4] ?? '')
}

describe('an OAuth error', () => {
  it('S-019 says only what RFC 6749 §5.2 allows, and repeats no input', () => {
    const found = descriptions()
    expect(found.length).to.be.greaterThan(15)
    for (const text of found) {
      expect(text).to.match(DESCRIPTION)
      const names = [...text.matchAll(/\$\{(.*?)\}/g)].map(([, name]) => name ?? '')
      // A constant of the file's own, or the `name` of a parameter that we asked for.
      for (const name of names) expect(name, text).to.match(/^[A-Z_]+$/)
    }
  })

  it('has the status that the specification gives its code', () => {
    const expected = {
      invalid_request: 400,
      invalid_client: 401,
      invalid_grant: 400,
      unauthorized_client: 400,
      unsupported_grant_type: 400,
      invalid_scope: 400,
      invalid_target: 400,
      invalid_token: 401,
      insufficient_scope: 403,
    } as const
    for (const [code, status] of Object.entries(expected)) {
      expect(new OAuthError(code as keyof typeof expected, 'no').status, code).to.equal(status)
    }
  })

  it('keeps its reason apart from what it tells, and has one in any case', () => {
    const error = new OAuthError('invalid_grant', 'the token is not valid', { reason: 'token_expired' })
    expect([error.description, error.reason]).to.deep.equal(['the token is not valid', 'token_expired'])
    expect(new OAuthError('invalid_scope', 'no').reason).to.equal('invalid_scope')
  })
})

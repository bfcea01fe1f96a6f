import { expect } from 'chai'
import { makeJwks } from '../../src/keys/jwks.ts'
import type { ImportedKey } from '../../src/keys/key-set.ts'
import { jwksCacheControl } from '../../src/keys/schedule.ts'
import { key, SCHEDULE } from './fixtures.ts'

function published(kid: string, publishedAt: number, extra: object = {}) {
  const times = { published: publishedAt, activates: null }
  return { ...key(kid, times), publicJwk: { kty: 'RSA', n: `n-${kid}`, e: 'AQAB' }, ...extra }
}

describe('the JWKS', () => {
  const [a, b, c] = [published('a', -30), published('b', -20), published('c', -20)]

  it('S-161 lists every key with kid, alg and use, and kty first', () => {
    expect(makeJwks([a], SCHEDULE).body.toString()).to.equal(
      '{"keys":[{"kty":"RSA","kid":"a","use":"sig","alg":"RS256","n":"n-a","e":"AQAB"}]}',
    )
  })

  it('K-09 has the same bytes and entity tag whatever order the keys were read in', () => {
    const one = makeJwks([a, b, c], SCHEDULE)
    const other = makeJwks([c, b, a], SCHEDULE)
    expect(other.body.equals(one.body)).to.equal(true)
    expect(other.etag).to.equal(one.etag)
    expect(JSON.parse(one.body.toString()).keys.map(({ kid }: ImportedKey) => kid)).to.deep.equal([
      'a',
      'b',
      'c',
    ])
  })

  it('has another entity tag when its keys are others', () => {
    const { etag } = makeJwks([a, b], SCHEDULE)
    expect(etag).to.match(/^"[A-Za-z0-9_-]{43}"$/)
    expect(makeJwks([a, b, c], SCHEDULE).etag).not.to.equal(etag)
  })

  it('does not change when a key changes its phase, so that caches need not fetch it again', () => {
    const dated = { ...b, activatesAt: new Date(0) }
    expect(makeJwks([a, dated], SCHEDULE).etag).to.equal(makeJwks([a, b], SCHEDULE).etag)
  })

  it('S-161 carries the Cache-Control of the schedule', () => {
    expect(makeJwks([a], SCHEDULE).cacheControl).to.equal(jwksCacheControl(SCHEDULE))
  })
})

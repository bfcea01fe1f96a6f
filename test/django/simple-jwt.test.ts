import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { readSimpleJwt, SIMPLE_JWT_NAMES } from '../../src/django/simple-jwt.ts'

const ISSUER = 'https://id.example.com'

/** What becomes of settings, by name. */
function read(settings: Record<string, unknown>) {
  const reports = readSimpleJwt(JSON.stringify(settings), ISSUER)
  return Object.fromEntries(reports.map(({ setting, ...verdict }) => [setting, verdict]))
}

describe('SIMPLE_JWT, name by name', () => {
  it('41: lifetimes are seconds, or what Python prints for a timedelta', () => {
    for (const [value, seconds] of [
      [300, 300],
      ['0:05:00', 300],
      ['00:07:30', 450],
      ['1 day, 0:00:00', 86_400],
      ['14 days, 1:02:03', 1_213_323],
      ['36:00:00.000000', 129_600],
    ] as const) {
      const { ACCESS_TOKEN_LIFETIME: verdict } = read({ ACCESS_TOKEN_LIFETIME: value })
      expect(verdict, String(value)).to.deep.include({ changes: { accessTokenTtlSeconds: seconds } })
    }
    for (const value of ['5m', '0:99:00', 'None', '', null, [300], '-1 day, 0:05:00'])
      expect(read({ ACCESS_TOKEN_LIFETIME: value })['ACCESS_TOKEN_LIFETIME']?.outcome).to.equal('refused')
  })

  it('42: a session ends with its first refresh token where those were not rotated', () => {
    const lifetime = { REFRESH_TOKEN_LIFETIME: '7 days, 0:00:00' }
    expect(read(lifetime)['REFRESH_TOKEN_LIFETIME']).to.deep.include({
      changes: { refreshIdleTtlSeconds: 604_800, refreshAbsoluteTtlSeconds: 604_800 },
    })
    const rotating = read({ ...lifetime, ROTATE_REFRESH_TOKENS: true })
    expect(rotating['REFRESH_TOKEN_LIFETIME']).to.deep.include({
      changes: { refreshIdleTtlSeconds: 604_800 },
    })
  })

  it('42: audience and algorithm are taken, and what cannot be so here is said', () => {
    const verdicts = read({
      AUDIENCE: 'https://api.example.com',
      ALGORITHM: 'ES256',
      ISSUER,
      SIGNING_KEY: 'a secret of theirs',
      ROTATE_REFRESH_TOKENS: false,
      AUTH_HEADER_TYPES: ['JWT'],
      TOKEN_OBTAIN_SERIALIZER: 'shop.serializers.MyTokens',
      ON_LOGIN_FAILED: 'rest_framework_simplejwt.views.noop',
      LIFETIME: 5,
    })
    expect(verdicts['AUDIENCE']).to.deep.include({ changes: { audiences: ['https://api.example.com'] } })
    expect(verdicts['ALGORITHM']).to.deep.include({ changes: { accessTokenAlg: 'ES256' } })
    const outcomes = Object.entries(verdicts).map(([name, { outcome }]) => [name, outcome])
    expect(Object.fromEntries(outcomes)).to.include({
      ISSUER: 'settled',
      SIGNING_KEY: 'settled',
      ROTATE_REFRESH_TOKENS: 'differs',
      AUTH_HEADER_TYPES: 'differs',
      TOKEN_OBTAIN_SERIALIZER: 'differs',
      ON_LOGIN_FAILED: 'settled',
      LIFETIME: 'refused',
    })
    expect(JSON.stringify(verdicts)).not.to.include('a secret of theirs')
  })

  it('garbage is refused in words, and no value of any kind is more than refused', () => {
    for (const text of ['', '[]', 'null', '"x"', '{'])
      expect(() => readSimpleJwt(text, ISSUER)).to.throw('no JSON object')
    for (const value of [null, 0, -1, 1e300, '', 'x', [], [null], {}, true])
      for (const name of [...SIMPLE_JWT_NAMES, 'toString', '__proto__'])
        expect(() => readSimpleJwt(`{"${name}":${JSON.stringify(value)}}`, ISSUER)).not.to.throw()
    expect(readSimpleJwt('{"SIMPLE_JWT":{"LEEWAY":0}}', ISSUER)).to.have.length(1)
  })

  it('42: the page for those who move in has every name', () => {
    const page = readFileSync(new URL('../../docs/moving-in.md', import.meta.url), 'utf8')
    const missing = SIMPLE_JWT_NAMES.filter((name) => !page.includes(`\`${name}\``))
    expect(missing).to.deep.equal([])
  })
})

import { expect } from 'chai'
import { exposureAfter, planRevocation } from '../../src/keys/revocation.ts'
import { VERIFIERS } from '../../src/keys/verifiers.ts'
import type { Refusal } from '../../src/refusal.ts'
import { at, failureOf, key, NOW, SCHEDULE } from './fixtures.ts'

const DAY = 86_400

describe('revoking a signing key', () => {
  const retired = key('retired-key', { published: -90 * DAY, activates: -40 * DAY, wiped: true })
  const active = key('active-key', { published: -50 * DAY, activates: -600 })
  const next = key('next-key', { published: -60, activates: DAY })
  const keys = [retired, active, next]
  const plan = (set: Parameters<typeof planRevocation>[0], kid: string) =>
    planRevocation(set, NOW, SCHEDULE, kid)

  it('K-32 that signs has the next one sign, also before every verifier has it', () => {
    expect(plan(keys, 'active-key')).to.deep.equal({
      outcome: 'revoked',
      key: active,
      phase: 'active',
      successor: next,
    })
  })

  it('has the one sign that was published first, which most verifiers have, whatever its date', () => {
    const earlier = key('earlier', { published: -DAY, activates: null })
    expect(plan([...keys, earlier], 'active-key')).to.have.property('successor', earlier)
  })

  it('that does not sign has nothing take over', () => {
    for (const [kid, phase] of [
      ['retired-key', 'retired'],
      ['next-key', 'next'],
    ] as const) {
      expect(plan(keys, kid)).to.include({ outcome: 'revoked', phase, successor: undefined })
    }
  })

  it('never takes a key of another algorithm, or one that is revoked itself', () => {
    const other = key('other', { published: -DAY, activates: null }, 'ES256')
    const gone = key('gone', { published: -DAY, activates: null, revoked: -30 })
    expect(plan([active, other, gone], 'active-key')).to.deep.equal({ outcome: 'lacks_successor' })
  })

  it('a second time changes nothing and says when it was', () => {
    const revoked = { ...active, revokedAt: at(-30) }
    expect(plan([retired, revoked, next], 'active-key')).to.deep.equal({
      outcome: 'already_revoked',
      key: revoked,
    })
  })

  it('that is unknown is refused, with two that it may have meant', async () => {
    const refusal = (await failureOf(() => plan(keys, 'active-kez'))) as Refusal
    expect(refusal).to.include({ name: 'Refusal', code: 'unknown_key' })
    expect(refusal.message).to.include('"active-kez": do you mean active-key or ')
    expect(((await failureOf(() => plan([], 'x'))) as Refusal).message).to.include('no signing keys yet')
  })

  it('leaves each kind of resource server exposed for its own cache, and all staleness that we permit in front', () => {
    const exposure = new Map(exposureAfter(NOW, SCHEDULE).map((row) => [row.verifier, row]))
    // 15 s until every node has let go of it, 10 min in the verifier; before it 300 + 60 + 300 s in a cache.
    expect(exposure.get('jose createRemoteJWKSet')).to.include({
      trustsUntil: at(15 + 600).toISOString(),
      behindCacheUntil: at(15 + 600 + 660).toISOString(),
    })
    expect(exposure.get('PyJWT PyJWKClient, cache_keys=True')).to.include({
      trustsUntil: null,
      behindCacheUntil: null,
    })
    expect(exposure.get('.NET ConfigurationManager')?.trustsUntil).to.equal(at(15 + 12 * 3600).toISOString())
    expect(exposure.size).to.equal(VERIFIERS.length)
  })
})

import { expect } from 'chai'
import {
  jwksCacheControl,
  keySchedule,
  permittedStalenessSeconds,
  publishToActivateSeconds,
  retireToRemoveSeconds,
  retireToWipeSeconds,
  stalenessLimitSeconds,
} from '../../src/keys/schedule.ts'
import { SCHEDULE } from './fixtures.ts'

describe('the key schedule', () => {
  it('has the figures of the design with the default settings', () => {
    expect(permittedStalenessSeconds(SCHEDULE)).to.equal(300 + 60 + 300)
    expect(publishToActivateSeconds(SCHEDULE)).to.equal(15 + 660 + 600 + 60)
    expect(stalenessLimitSeconds(SCHEDULE)).to.equal(1335 / 2)
    expect(retireToWipeSeconds(SCHEDULE)).to.equal(15 + 30)
    expect(retireToRemoveSeconds(SCHEDULE)).to.equal(667.5 + 30 + 3600 + 60)
  })

  it('a longer max-age makes both delays longer, by all the staleness that it permits', () => {
    const longer = keySchedule({ rotationPeriodSeconds: 0, jwksMaxAgeSeconds: 86_400 })
    expect(publishToActivateSeconds(longer)).to.equal(15 + 2 * 86_400 + 60 + 600 + 60)
    expect(retireToRemoveSeconds(longer)).to.be.greaterThan(stalenessLimitSeconds(longer) + 3600)
  })

  it('S-161 the Cache-Control permits exactly the staleness that the delays reckon with', () => {
    const header = jwksCacheControl(SCHEDULE)
    expect(header).to.equal('public, max-age=300, stale-while-revalidate=60, stale-if-error=300')
    const permitted = [...header.matchAll(/=(\d+)/g)].reduce((sum, [, seconds]) => sum + Number(seconds), 0)
    expect(permitted).to.equal(permittedStalenessSeconds(SCHEDULE))
  })

  it('P3 a node that cannot read the set has caches keep it for less: nobody meets it older than the delays reckon with', () => {
    const longest = SCHEDULE.reloadPeriodSeconds + permittedStalenessSeconds(SCHEDULE)
    const oldest = (age: number, header: string) =>
      [...header.matchAll(/=(\d+)/g)].reduce((sum, [, seconds]) => sum + Number(seconds), age)
    for (let age = 0; age <= longest; age += 0.5) {
      expect(oldest(age, jwksCacheControl(SCHEDULE, age)), `${age}`).to.be.at.most(longest)
    }
    expect(oldest(stalenessLimitSeconds(SCHEDULE), jwksCacheControl(SCHEDULE)), 'control').to.be.above(
      longest,
    )
  })

  it('a scaled schedule never permits more staleness than it reckons with', () => {
    const scaled = {
      ...SCHEDULE,
      jwksMaxAgeSeconds: 5.9,
      staleWhileRevalidateSeconds: 0.9,
      staleIfErrorSeconds: 5.9,
    }
    expect(jwksCacheControl(scaled)).to.equal('public, max-age=5, stale-while-revalidate=0, stale-if-error=5')
  })

  it('a node that cannot reload signs on after a switch by hand, and what it signs dies before the key is removed', () => {
    const lastSignature = stalenessLimitSeconds(SCHEDULE)
    const dead =
      lastSignature + SCHEDULE.inFlightSeconds + SCHEDULE.longestLifetimeSeconds + SCHEDULE.clockSkewSeconds
    expect(retireToRemoveSeconds(SCHEDULE)).to.be.at.least(dead)
    // The control: with P alone in the place of the staleness limit the token would outlive its key.
    const withPAlone = retireToRemoveSeconds(SCHEDULE) - lastSignature + SCHEDULE.reloadPeriodSeconds
    expect(withPAlone).to.be.lessThan(dead)
  })
})

import { expect } from 'chai'
import fc from 'fast-check'
import { addSeconds } from '../../src/clock.ts'
import { maintenanceSteps, planRotation } from '../../src/keys/rotation.ts'
import type { KeySchedule } from '../../src/keys/schedule.ts'
import { keyLives } from '../../src/keys/signing-key.ts'
import { SCHEDULE } from './fixtures.ts'
import { findViolation, type Happening, RULES, type Rules } from './rotation-history.ts'

const NODES = 3
const RUNS = 1500

const seconds = fc.integer({ min: 1, max: 1000 })
const anySchedule: fc.Arbitrary<KeySchedule> = fc.record({
  reloadPeriodSeconds: seconds,
  jwksMaxAgeSeconds: seconds,
  staleWhileRevalidateSeconds: seconds,
  staleIfErrorSeconds: seconds,
  verifierCacheSeconds: seconds,
  clockSkewSeconds: seconds,
  longestLifetimeSeconds: seconds,
  inFlightSeconds: seconds,
  rotationPeriodSeconds: fc.oneof(fc.constant(0), seconds, fc.integer({ min: 1000, max: 50_000 })),
})

const node = fc.nat({ max: NODES - 1 })
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ does: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 3000 }) }),
  fc.record({ does: fc.constant('wait_for_next_moment' as const), before: fc.boolean() }),
  fc.record({ does: fc.constant('maintain' as const) }),
  fc.record({
    does: fc.constant('rotate' as const),
    haste: fc.constantFrom('when_safe' as const, 'now' as const),
  }),
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('reload' as const, 'sign' as const), node }) },
)
const history = fc.array(happening, { maxLength: 60, size: 'max' })

function promise(rules: Rules) {
  return fc.property(history, anySchedule, (happenings, schedule) => {
    expect(findViolation(happenings, schedule, rules)).to.equal(undefined)
  })
}

/** Removes each retired key `secondsAfter` its retirement, whatever the schedule says. */
function removing(secondsAfter: (schedule: KeySchedule) => number): Rules {
  return {
    ...RULES,
    maintenanceSteps: (keys, now, schedule) => [
      ...maintenanceSteps(keys, now, schedule).filter(({ step }) => step !== 'remove'),
      ...keyLives(keys, now, schedule)
        .filter(({ retiresAt }) => retiresAt && addSeconds(retiresAt, secondsAfter(schedule)) <= now)
        .map(({ key: { kid } }) => ({ step: 'remove' as const, kid })),
    ],
  }
}

describe('any history of rotations, with nodes that reload whenever they happen to', () => {
  it('keeps one key active, signs with none too early, and removes none while something it signed is alive', () => {
    fc.assert(promise(RULES), { numRuns: RUNS })
  })

  for (const [control, rules] of [
    [
      'K-31 activates at publication',
      {
        ...RULES,
        planRotation: (...[keys, now, schedule, haste]: Parameters<typeof planRotation>) =>
          planRotation(keys, now, schedule, haste === 'now' ? 'when_safe' : haste).map((plan) => ({
            ...plan,
            activatesAt: now,
          })),
      },
    ],
    ['K-31 removes at retirement', removing(() => 0)],
    [
      'puts no next key in the place of one that took over',
      {
        ...RULES,
        maintenanceSteps: (...[keys, now, schedule]: Parameters<typeof maintenanceSteps>) =>
          maintenanceSteps(keys, now, schedule).filter(({ step }) => step !== 'create' || keys.length === 0),
      },
    ],
  ] as const) {
    it(`the check is not blind: it finds out a service that ${control}`, () => {
      expect(fc.check(promise(rules), { numRuns: RUNS }).failed).to.equal(true)
    })
  }

  it('a node that learns of a switch late signs nothing that outlives its key', () => {
    const P_Q_L_S = 15 + 30 + 3600 + 60
    const late: Happening[] = [
      { does: 'wait', seconds: 86_400 },
      { does: 'reload', node: 0 },
      { does: 'rotate', haste: 'now' },
      { does: 'wait', seconds: 667 },
      { does: 'sign', node: 0 },
      { does: 'wait', seconds: P_Q_L_S - 667 },
      { does: 'maintain' },
      { does: 'wait', seconds: 660 },
      { does: 'maintain' },
    ]
    expect(findViolation(late, SCHEDULE)).to.equal(undefined)
    // The control: P + Q + L + S alone reckons with nodes that always reload.
    const early = removing(() => P_Q_L_S)
    expect(findViolation(late, SCHEDULE, early)).to.match(/^something signed by key0001 is alive/)
  })
})

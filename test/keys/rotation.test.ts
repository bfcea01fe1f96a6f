import { expect } from 'chai'
import type { SigningAlgorithm } from '../../src/keys/algorithms.ts'
import { earliestActivation, maintenanceSteps, planRotation } from '../../src/keys/rotation.ts'
import {
  publishToActivateSeconds,
  retireToRemoveSeconds,
  retireToWipeSeconds,
} from '../../src/keys/schedule.ts'
import { Refusal } from '../../src/refusal.ts'
import { at, BY_HAND, failureOf, key, NOW, SCHEDULE } from './fixtures.ts'

const DELAY = publishToActivateSeconds(SCHEDULE)
const PERIOD = SCHEDULE.rotationPeriodSeconds
const DAY = 86_400
const algorithm = 'RS256'

describe('what a rotation asks for', () => {
  const active = key('active', { published: -DAY, activates: -DAY })
  const dated = key('dated', { published: -DAY, activates: PERIOD - DAY })
  const undated = key('undated', { published: -DAY, activates: null })
  const retired = (ago: number) => [
    key('retired', { published: -100 * DAY, activates: -90 * DAY }),
    key('active', { published: -50 * DAY, activates: -ago }),
    key('dated', { published: -DAY, activates: PERIOD }),
  ]

  for (const [situation, keys, schedule, expected] of [
    [
      'an empty database: a key that signs at once, and its successor',
      [],
      SCHEDULE,
      [
        { step: 'create', algorithm, activatesAt: NOW },
        { step: 'create', algorithm, activatesAt: at(PERIOD) },
      ],
    ],
    [
      'an empty database, rotated by hand: the successor has no date',
      [],
      BY_HAND,
      [
        { step: 'create', algorithm, activatesAt: NOW },
        { step: 'create', algorithm, activatesAt: null },
      ],
    ],
    ['one active, one next: nothing', [active, dated], SCHEDULE, []],
    ['the same by hand: nothing', [active, undated], BY_HAND, []],
    ['a next with a date, then by hand: the date stays', [active, dated], BY_HAND, []],
    [
      'no next: one is published, to sign when the period is over',
      [active],
      SCHEDULE,
      [{ step: 'create', algorithm, activatesAt: at(PERIOD - DAY) }],
    ],
    [
      'no next, and the period is over long ago: it signs as soon as it is safe',
      [key('active', { published: -99 * DAY, activates: -99 * DAY })],
      SCHEDULE,
      [{ step: 'create', algorithm, activatesAt: at(DELAY) }],
    ],
    [
      'a period shorter than is safe: the floor holds',
      [active],
      { ...SCHEDULE, rotationPeriodSeconds: 1 },
      [{ step: 'create', algorithm, activatesAt: at(DELAY) }],
    ],
    [
      'a next without a date, then a period: it gets one',
      [active, undated],
      SCHEDULE,
      [{ step: 'schedule', kid: 'undated', activatesAt: at(PERIOD - DAY) }],
    ],
    [
      'the same when the period is over long ago: now, not in the past, where no node could have followed',
      [key('active', { published: -99 * DAY, activates: -99 * DAY }), undated],
      SCHEDULE,
      [{ step: 'schedule', kid: 'undated', activatesAt: NOW }],
    ],
    [
      'the same when it was published a minute ago: the floor holds',
      [
        key('active', { published: -99 * DAY, activates: -99 * DAY }),
        key('new', { published: -60, activates: null }),
      ],
      SCHEDULE,
      [{ step: 'schedule', kid: 'new', activatesAt: at(DELAY - 60) }],
    ],
    [
      'no active key but one that waits without a date: it gets one, by hand or not',
      [key('waiting', { published: -60, activates: null })],
      BY_HAND,
      [{ step: 'schedule', kid: 'waiting', activatesAt: at(DELAY - 60) }],
    ],
    [
      'no active key but one that waits for its date: nothing',
      [key('waiting', { published: -60, activates: DELAY - 60 })],
      SCHEDULE,
      [],
    ],
    [
      'no active key (its row is lost), and one that waits for a date far away: it signs as soon as it is safe',
      [key('waiting', { published: -60, activates: PERIOD })],
      BY_HAND,
      [{ step: 'schedule', kid: 'waiting', activatesAt: at(DELAY - 60) }],
    ],
    ['just retired: nothing', retired(retireToWipeSeconds(SCHEDULE) - 0.001), SCHEDULE, []],
    [
      'retired, and no node can still load its private part: wiped',
      retired(retireToWipeSeconds(SCHEDULE)),
      SCHEDULE,
      [{ step: 'wipe', kid: 'retired' }],
    ],
    [
      'K-02 an instant before everything it signed is dead: not removed',
      retired(retireToRemoveSeconds(SCHEDULE) - 0.001),
      SCHEDULE,
      [{ step: 'wipe', kid: 'retired' }],
    ],
    [
      'K-02 the instant at which that is so: removed',
      retired(retireToRemoveSeconds(SCHEDULE)),
      SCHEDULE,
      [{ step: 'remove', kid: 'retired' }],
    ],
    [
      'an algorithm whose first key waits for its date: nothing',
      [active, dated, key('first', { published: -60, activates: DELAY - 60 }, 'ES256')],
      SCHEDULE,
      [],
    ],
    [
      'an algorithm whose keys were all revoked: nothing, until it is introduced again',
      [active, dated, key('first', { published: -DAY, activates: -60, revoked: -1, wiped: true }, 'ES256')],
      SCHEDULE,
      [],
    ],
    [
      'an algorithm whose first key has begun to sign: its own next, by its own time',
      [active, dated, key('first', { published: -DAY, activates: -60 }, 'ES256')],
      SCHEDULE,
      [{ step: 'create', algorithm: 'ES256', activatesAt: at(PERIOD - 60) }],
    ],
    [
      'an active key revoked with no other: one is published, and waits',
      [key('revoked', { published: -DAY, activates: -DAY, revoked: -60, wiped: true })],
      SCHEDULE,
      [{ step: 'create', algorithm, activatesAt: at(DELAY) }],
    ],
    [
      'a next that is revoked: another is published in its place',
      [active, key('revoked', { published: -DAY, activates: PERIOD, revoked: -60, wiped: true })],
      SCHEDULE,
      [{ step: 'create', algorithm, activatesAt: at(PERIOD - DAY) }],
    ],
    [
      'K-02 revoked, and something that it signed may be alive: it stays on record, without its private part',
      [
        active,
        dated,
        key('revoked', {
          published: -9 * DAY,
          activates: -9 * DAY,
          revoked: -retireToRemoveSeconds(SCHEDULE) + 1,
        }),
      ],
      SCHEDULE,
      [{ step: 'wipe', kid: 'revoked' }],
    ],
    [
      'K-02 revoked, and nothing that it signed is alive: removed',
      [
        active,
        dated,
        key('revoked', {
          published: -9 * DAY,
          activates: -9 * DAY,
          revoked: -retireToRemoveSeconds(SCHEDULE),
        }),
      ],
      SCHEDULE,
      [{ step: 'remove', kid: 'revoked' }],
    ],
  ] as const) {
    it(situation, () => {
      expect(maintenanceSteps(keys, NOW, schedule)).to.deep.equal(expected)
    })
  }
})

describe('an operator’s rotation', () => {
  const active = key('active', { published: -DAY, activates: -DAY })
  const ready = key('ready', { published: -DELAY, activates: PERIOD })
  const fresh = key('fresh', { published: -DELAY + 1, activates: PERIOD })

  it('K-02 is refused before the floor when it insists on now, and says until when', async () => {
    const refusal = await failureOf(() => planRotation([active, fresh], NOW, SCHEDULE, 'now'))
    expect(refusal).to.be.instanceOf(Refusal)
    expect(refusal).to.include({ code: 'too_early' })
    expect((refusal as Refusal).message).to.include(at(1).toISOString())
  })

  it('is done at once from the floor on', () => {
    for (const haste of ['now', 'when_safe'] as const) {
      expect(planRotation([active, ready], NOW, SCHEDULE, haste)).to.deep.equal([
        { outcome: 'activated', algorithm, kid: 'ready', activatesAt: NOW },
      ])
    }
  })

  it('is scheduled for the earliest safe time where it does not insist', () => {
    expect(planRotation([active, fresh], NOW, SCHEDULE, 'when_safe')).to.deep.equal([
      { outcome: 'scheduled', algorithm, kid: 'fresh', activatesAt: at(1) },
    ])
  })

  it('asked for twice, changes nothing the second time', () => {
    const scheduled = { ...fresh, activatesAt: at(1) }
    expect(planRotation([active, scheduled], NOW, SCHEDULE, 'when_safe')).to.deep.equal([
      { outcome: 'already_scheduled', algorithm, kid: 'fresh', activatesAt: at(1) },
    ])
  })

  it('takes the key whose turn it is: the one with a date, then the one published first', () => {
    const later = key('later', { published: -2 * DAY, activates: null })
    const first = key('first', { published: -3 * DAY, activates: null })
    const kids = (keys: Parameters<typeof planRotation>[0]) =>
      planRotation(keys, NOW, SCHEDULE, 'now').map(({ kid }) => kid)
    expect(kids([active, later, first])).to.deep.equal(['first'])
    expect(kids([active, later, ready, first])).to.deep.equal(['ready'])
  })

  it('is of every algorithm that has a key which signs, or of one alone', () => {
    const es = [
      key('es', { published: -2 * DAY, activates: -DAY }, 'ES256'),
      key('es-next', { published: -DELAY, activates: PERIOD }, 'ES256'),
    ]
    const waiting = key('ed', { published: -60, activates: DELAY - 60 }, 'EdDSA')
    const keys = [active, ready, ...es, waiting]
    const kids = (only?: SigningAlgorithm) =>
      planRotation(keys, NOW, SCHEDULE, 'when_safe', only).map(({ kid, outcome }) => `${kid} ${outcome}`)
    expect(kids()).to.deep.equal(['ready activated', 'es-next activated'])
    expect(kids('ES256')).to.deep.equal(['es-next activated'])
    expect(kids('EdDSA')).to.deep.equal(['ed already_scheduled'])
    expect(() => planRotation(keys, NOW, SCHEDULE, 'now', 'EdDSA')).to.throw(
      Refusal,
      at(DELAY - 60).toISOString(),
    )
  })

  it('is refused where there is nothing to rotate to', async () => {
    for (const keys of [[], [active], [fresh]]) {
      expect(await failureOf(() => planRotation(keys, NOW, SCHEDULE, 'when_safe'))).to.include({
        code: 'no_next_key',
      })
    }
  })

  it('never gives a date in the past', () => {
    const old = key('old', { published: -100 * DAY, activates: null })
    expect(earliestActivation(old, NOW, SCHEDULE)).to.deep.equal(NOW)
  })
})

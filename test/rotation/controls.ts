import type { Database } from '../../src/postgres/database.ts'
import type { Patch } from '../faults/builds.ts'
import type { Deployment } from './deployment.ts'
import type { FailureReason } from './examination.ts'
import { EARLY, nextKey, rotateOnce } from './rotations.ts'

/** A program that breaks the rules of rotation, and what must show it: a proof that stays green with it proves nothing. */
export interface Control {
  readonly title: string
  readonly patches: readonly Patch[]
  readonly runsOn: 'all nodes' | 'one node of two' | 'the only node'
  /** Done to the empty database first. */
  readonly prepare?: (database: Database) => Promise<unknown>
  /** What is done to show it; the first failure may come sooner. */
  readonly play: (deployment: Deployment) => Promise<unknown>
  /** Failures come for these reasons, and for no other. */
  readonly expects: readonly FailureReason[]
}

const SCHEDULE = 'keys/schedule.js'
const KEY_MATERIAL = 'keys/key-material.js'
const PUBLISH_TO_ACTIVATE = 'export function publishToActivateSeconds(schedule) {'

/** Has one `next` key take over, and at once the one that is published in its place. */
async function rotateTwiceAtOnce(deployment: Deployment): Promise<void> {
  await nextKey(deployment)
  await deployment.operate('rotate-now')
  await nextKey(deployment)
  await deployment.operate('rotate-now')
}

/** Two names for all keys, in turn; whoever comes later takes the place of the earlier. */
const NAME = "const kid = ['a', 'b'][(globalThis.made = (globalThis.made ?? 0) + 1) % 2]"
const TAKE_ITS_PLACE = `
  create function take_its_place() returns trigger language plpgsql as
    $$ begin delete from signing_keys where kid = new.kid; return new; end $$;
  create trigger take_its_place before insert on signing_keys for each row execute function take_its_place()`

/** The broken programs. */
export const CONTROLS: readonly Control[] = [
  {
    title: 'a key signs as soon as it is published',
    patches: [
      { file: SCHEDULE, replace: PUBLISH_TO_ACTIVATE, by: `${PUBLISH_TO_ACTIVATE} return 0;` },
      { file: SCHEDULE, replace: 'return publishToActivateSeconds(schedule) / 2;', by: 'return 4;' },
    ],
    runsOn: 'all nodes',
    play: rotateTwiceAtOnce,
    expects: ['not yet known'],
  },
  {
    title: 'staleness does not add up: the longer of M and C is enough',
    patches: [
      {
        file: SCHEDULE,
        replace: PUBLISH_TO_ACTIVATE,
        by: `${PUBLISH_TO_ACTIVATE}
          const { reloadPeriodSeconds, verifierCacheSeconds } = schedule;
          return reloadPeriodSeconds + Math.max(permittedStalenessSeconds(schedule), verifierCacheSeconds);`,
      },
    ],
    runsOn: 'all nodes',
    async play(deployment) {
      for (let rotations = 0; rotations < 8; rotations++) await rotateOnce(deployment, EARLY)
    },
    expects: ['not yet known'],
  },
  {
    title: 'a key is removed when it retires',
    patches: [
      {
        file: SCHEDULE,
        replace: 'export function retireToRemoveSeconds(schedule) {',
        by: 'export function retireToRemoveSeconds(schedule) { return 0;',
      },
    ],
    runsOn: 'all nodes',
    play: (deployment) => rotateOnce(deployment, EARLY),
    expects: ['no longer known'],
  },
  {
    title: 'new material under an old kid',
    patches: [
      { file: KEY_MATERIAL, replace: 'const kid = await thumbprint(publicJwk)', by: NAME },
      ...['private', 'public'].map((half) => ({
        file: KEY_MATERIAL,
        replace: `throw new Error('the ${half} key belongs to another kid')`,
        by: 'void 0',
      })),
    ],
    runsOn: 'the only node',
    prepare: (database) => database.query(TAKE_ITS_PLACE),
    async play(deployment) {
      for (let rotations = 0; rotations < 3; rotations++) await rotateOnce(deployment, EARLY)
    },
    expects: ['bad signature'],
  },
  {
    title: 'a node that does not read the keys again, and takes them for new',
    patches: [
      {
        file: 'keys/reloading.js',
        replace: '}, schedule.reloadPeriodSeconds * 1000).unref();',
        by: '}, 2 ** 31 - 1).unref();',
      },
      {
        file: 'keys/reloading.js',
        replace: 'ageSeconds: () => Math.abs(clock.now().getTime() - askedAt) / 1000,',
        by: 'ageSeconds: () => 0,',
      },
    ],
    runsOn: 'one node of two',
    async play(deployment) {
      for (let rotations = 0; rotations < 3; rotations++) await rotateOnce(deployment, EARLY)
    },
    expects: ['not yet known', 'no longer known'],
  },
]

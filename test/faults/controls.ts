import type { Patch } from './builds.ts'
import type { ViolationKind } from './check-history.ts'
import type { Topology } from './world.ts'

/** A program that breaks a promise, and what must show it: a suite that stays green with it shows nothing. */
export interface Control {
  readonly title: string
  readonly patches: readonly Patch[]
  readonly topology: Topology
  /** The ids of the faults under which it shows. */
  readonly faults: readonly string[]
  /** All of these are found. */
  readonly expects: readonly ViolationKind[]
}

const FAMILIES_REDIS = 'tokens/refresh-families-redis.js'
const FAMILIES_POSTGRES = 'tokens/refresh-families-postgres.js'

/** Long enough for somebody else's step to come in between, as it does sooner or later without any wait. */
const WAIT = 'await new Promise((resolve) => setTimeout(resolve, Math.random() < 0.3 ? 600 : 50));'

/** Reads where the family stands, decides, and writes: three steps where the script is one. */
const READ_THEN_WRITE = `{
  const key = keyNames.refreshFamily(family.id);
  const stored = (await redis.hmget(key, 'g', 'p', 't', 'k', 'l')).map(Number);
  ${WAIT}
  const from = stored[0] > 0 ? toPosition(stored) : family.anchor;
  const { rotate } = await import('./rotation.js');
  const step = rotate(from, request.presented, request.now, request.keyVersion, request.rules);
  const { generation: g, predecessor: p, rotatedAt, keyVersion: k, lateUsed } = step.position;
  if (step.position !== from) await redis.hset(key, { g, p, t: rotatedAt.getTime(), k, l: lateUsed ? 1 : 0 });
  return { ...step, rebuilt: false, degraded: false };
}`

const ENDED = "'ended:' + family.id.toString('hex')"

/** The broken programs. */
export const CONTROLS: readonly Control[] = [
  {
    title: 'rotation in Redis by reading, then writing',
    patches: [
      {
        file: FAMILIES_REDIS,
        replace: 'async function rotateInRedis(family, request) {',
        by: `async function rotateInRedis(family, request) { ${READ_THEN_WRITE}`,
      },
    ],
    topology: 'standalone',
    faults: ['R-01'],
    expects: ['revived'],
  },
  {
    title: 'rotation in PostgreSQL that sets without comparing',
    patches: [
      {
        file: FAMILIES_POSTGRES,
        replace:
          'where id = $1 and generation = $8 and predecessor = $9 and late_used = $10 and ended_at is null',
        by: 'where id = $1 and $8::int >= 0 and $9::int >= 0 and $10::bool is not null and ended_at is null',
      },
      {
        file: FAMILIES_POSTGRES,
        replace: 'const step = { outcome, position, rebuilt: false, degraded: false };',
        by: `const step = { outcome, position, rebuilt: false, degraded: false }; ${WAIT}`,
      },
    ],
    topology: 'small',
    faults: ['R-01'],
    expects: ['revived'],
  },
  {
    title: 'a new successor for each retry',
    patches: [
      {
        file: 'redis/scripts/rotate-refresh-family-1.lua',
        replace: 'code = 2\n',
        by: 'code = move(2, p, 0, g + 1)\n',
      },
    ],
    topology: 'standalone',
    faults: ['R-01'],
    expects: ['fork'],
  },
  {
    title: 'no anchor',
    patches: [{ file: 'tokens/anchors.js', replace: 'left = await write(batch);', by: 'left = [];' }],
    topology: 'standalone',
    faults: ['F-116'],
    expects: ['revived'],
  },
  {
    title: '200 for a revocation that failed',
    patches: [
      {
        file: 'http/oauth/revoke.js',
        replace: 'const { form, authenticated } = await readAuthenticated(ctx);',
        by: 'try { const { form, authenticated } = await readAuthenticated(ctx);',
      },
      { file: 'http/oauth/revoke.js', replace: 'ctx.body = {};', by: '} catch {} ctx.body = {};' },
    ],
    topology: 'standalone',
    faults: ['R-43'],
    expects: ['undone'],
  },
  {
    title: 'revocation in Redis only',
    patches: [
      {
        file: FAMILIES_REDIS,
        replace: 'async end(family, reason, actor, now) {',
        by: `async end(family) { await redis.set(${ENDED}, 1); return;`,
      },
      {
        file: FAMILIES_REDIS,
        replace: 'async rotate(family, request) {',
        by: `async rotate(family, request) {
          if (await redis.get(${ENDED}))
            return { outcome: 'ended', position: family.anchor, rebuilt: false, degraded: false };`,
      },
    ],
    topology: 'standalone',
    faults: ['F-116'],
    expects: ['undone'],
  },
]

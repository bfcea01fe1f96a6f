import { expect } from 'chai'
import { REFRESH_OUTCOMES } from '../../src/tokens/refresh-outcome.ts'
import { openTestStores, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { listenForMetrics } from '../support/metrics.ts'
import { startRedis } from '../support/redis.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'

const DAY_MS = 24 * 3600 * 1000

/** One signed-in session on a node, and how often each outcome has been counted there. */
async function session(details: Parameters<TestApp['createClient']>[0] = {}, redisUrl?: string) {
  const clock = new TestClock(undefined, { autoAdvance: true })
  const stores = await openTestStores(redisUrl === undefined ? 'small' : 'standard')
  const keyturn = await startApp({ clock, stores: redisUrl === undefined ? stores : { ...stores, redisUrl } })
  const client = await keyturn.createClient(details)
  await keyturn.createUser('alice')
  const metrics = await listenForMetrics(keyturn.app.metricsServer)
  const first = (await keyturn.signIn(client, 'alice')).body.refresh_token as string
  return {
    keyturn,
    client,
    first,
    refresh: async (token: string, by: TestClient = client) => {
      const { status, body } = await keyturn.refresh(by, token)
      return status === 200 ? (body.refresh_token as string) : (body.error as string)
    },
    async advance(milliseconds: number) {
      clock.advance(milliseconds)
      await keyturn.app.reloadKeys()
    },
    /** What has been counted since the start, and the outcomes in the log: both must say the same. */
    async told() {
      const counted = await metrics('keyturn_refreshes_total', 'outcome')
      const logged = keyturn.logger.lines.filter(({ message }) => message === 'refresh')
      const names = logged.map(({ fields }) => fields['outcome'])
      for (const [name, count] of Object.entries(counted)) {
        expect(names.filter((each) => each === name).length, name).to.equal(count)
      }
      return names
    },
  }
}

type Session = Awaited<ReturnType<typeof session>>

/** Each outcome, and the shortest way to it. The last name told must be the outcome. */
const WAYS: Readonly<
  Record<Exclude<(typeof REFRESH_OUTCOMES)[number], 'rebuilt' | 'degraded'>, (s: Session) => Promise<string>>
> = {
  rotated: (s) => s.refresh(s.first),
  retry: async (s) => {
    await s.refresh(s.first)
    return s.refresh(s.first)
  },
  late_retry: async (s) => {
    await s.refresh(s.first)
    await s.advance(61_000)
    return s.refresh(s.first)
  },
  roll_forward: async (s) => {
    const second = await s.refresh(s.first)
    await s.keyturn.stores.database.query('update refresh_families set generation = 1, predecessor = 0')
    return s.refresh(second)
  },
  reuse: async (s) => {
    await s.refresh(await s.refresh(s.first))
    return s.refresh(s.first)
  },
  future: async (s) => {
    let token = s.first
    for (let n = 0; n < 17; n++) token = await s.refresh(token)
    await s.keyturn.stores.database.query('update refresh_families set generation = 1, predecessor = 0')
    return s.refresh(token)
  },
  revoked: async (s) => {
    await s.keyturn.post('/oauth/revoke', { token: s.first }, s.client)
    return s.refresh(s.first)
  },
  expired: async (s) => {
    await s.advance(14 * DAY_MS)
    return s.refresh(s.first)
  },
  foreign_client: async (s) => s.refresh(s.first, await s.keyturn.createClient()),
  unknown: (s) => s.refresh(`${s.first.slice(0, -1)}${s.first.endsWith('A') ? 'B' : 'A'}`),
}

const REFUSED = ['reuse', 'future', 'revoked', 'expired', 'foreign_client', 'unknown']

describe('the outcome of a refresh has one name, in metric and log', () => {
  for (const [outcome, go] of Object.entries(WAYS)) {
    it(outcome, async () => {
      const s = await session()
      const answer = await go(s)
      if (REFUSED.includes(outcome)) expect(answer).to.equal('invalid_grant')
      else expect(answer).to.match(/^rt1\./)
      expect((await s.told()).at(-1)).to.equal(outcome)
    })
  }

  it('rebuilt, once Redis has forgotten; degraded, while it is away', async () => {
    const redis = await startRedis()
    afterwards(redis.stop)
    const s = await session({}, redis.url)
    const anchored = (generation: number) =>
      until(async () => {
        const { database } = s.keyturn.stores
        const sql = 'select from refresh_families where generation = $1'
        return (await database.query(sql, [generation])).length === 1
      })
    const second = await s.refresh(s.first)
    await anchored(2)
    await s.keyturn.flushRedis()
    const third = await s.refresh(second)
    await anchored(3)
    await redis.stop()
    expect(await s.refresh(third)).to.match(/^rt1\./)
    expect(await s.told()).to.deep.equal(['rotated', 'rebuilt', 'degraded'])
  })

  it('R-13 each outcome that is no everyday one has an audit row; a hundred repetitions have one more', async () => {
    for (const [outcome, go] of Object.entries(WAYS)) {
      const s = await session()
      const rows = async () => {
        const sql = "select event, details from audit_events where event like 'family.%' order by id"
        return s.keyturn.stores.database.query<{ event: string; details: Record<string, unknown> }>(sql)
      }
      await go(s)
      const isAudited = !['rotated', 'retry', 'unknown'].includes(outcome)
      await until(async () => (await rows()).some(({ event }) => event === `family.${outcome}`) === isAudited)
      if (!['foreign_client', 'expired', 'revoked'].includes(outcome)) continue
      const before = (await rows()).length
      const stranger = await s.keyturn.createClient()
      const by = outcome === 'foreign_client' ? stranger : s.client
      for (let n = 0; n < 100; n++) await s.refresh(s.first, by)
      await s.keyturn.app.close()
      const added = (await rows()).slice(before)
      expect(added.map(({ event, details }) => [event, details['count']])).to.deep.equal([
        [`family.${outcome}`, 100],
      ])
    }
  })

  it('control: the names tested here are all there are', () => {
    expect([...Object.keys(WAYS), 'rebuilt', 'degraded'].sort()).to.deep.equal([...REFRESH_OUTCOMES].sort())
  })

  it('a line tells which session and family, and never the token', async () => {
    const s = await session()
    await s.refresh(await s.refresh(s.first))
    await s.refresh(s.first)
    const line = s.keyturn.logger.lines.findLast(({ message }) => message === 'refresh')
    expect(line?.level).to.equal('info')
    expect(Object.keys(line?.fields ?? {})).to.deep.equal([
      'outcome',
      'client',
      'session',
      'family',
      'generation',
    ])
  })
})

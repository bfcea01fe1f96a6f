import { expect } from 'chai'
import { openMortalStores, openTestStores, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { startRedis } from '../support/redis.ts'
import { afterwards } from '../support/root-hooks.ts'

const PATH = '/account/api/sessions'
const INACTIVE = { active: false }

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

interface Victim {
  readonly keyturn: TestApp
  readonly client: TestClient
  /** The live tokens, and the pair before them, whose refresh token is within its retry window. */
  readonly tokens: Tokens
  readonly spent: Tokens
}

const bearer = ({ access_token }: Tokens) => ({ authorization: `Bearer ${access_token}` })

async function sessionIdOf({ keyturn, tokens }: Victim): Promise<string> {
  const { body } = await keyturn.get(PATH, bearer(tokens))
  return body.sessions.find(({ current }: { current: boolean }) => current).id
}

/** Every way in which a session ends, other than by itself. What each says has happened when its promise resolves. */
const ENDINGS: Readonly<Record<string, (victim: Victim) => Promise<unknown>>> = {
  'the user ends it': async (victim) => {
    const { keyturn, tokens } = victim
    const { status } = await keyturn.request('DELETE', `${PATH}/${await sessionIdOf(victim)}`, bearer(tokens))
    expect(status).to.equal(204)
  },
  'the user signs out everywhere': async ({ keyturn, tokens }) => {
    expect((await keyturn.request('DELETE', PATH, bearer(tokens))).status).to.equal(204)
  },
  'its client revokes the live refresh token': async ({ keyturn, tokens, client }) => {
    const { status } = await keyturn.post('/oauth/revoke', { token: tokens.refresh_token }, client)
    expect(status).to.equal(200)
  },
  'its client revokes a spent refresh token': async ({ keyturn, spent, client }) => {
    const { status } = await keyturn.post('/oauth/revoke', { token: spent.refresh_token }, client)
    expect(status).to.equal(200)
  },
  'an operator ends it': async (victim) =>
    (await victim.keyturn.administration.sessions()).end(await sessionIdOf(victim), 'operator'),
  'an operator ends all of the user': async ({ keyturn }) =>
    (await keyturn.administration.sessions()).endOfUser('alice', 'operator'),
  'an operator ends all of the client': async ({ keyturn, client }) =>
    (await keyturn.administration.sessions()).endOfClient(client.id, 'operator'),
  'the user is disabled': async ({ keyturn }) =>
    (await keyturn.administration.users()).disable('alice', 'operator'),
  'the user is disabled and enabled': async ({ keyturn }) => {
    const users = await keyturn.administration.users()
    await users.disable('alice', 'operator')
    await users.enable('alice', 'operator')
  },
  'the password is changed': async ({ keyturn }) =>
    (await keyturn.administration.users()).setPassword('alice', 'another battery staple', 'operator'),
  'the client is disabled and enabled': async ({ keyturn, client }) => {
    const clients = await keyturn.administration.clients()
    await clients.disable(client.id, 'operator')
    await clients.enable(client.id, 'operator')
  },
}

for (const mode of ['standard', 'small'] as const) {
  describe(`what has ended is dead on every node, ${mode}`, () => {
    let nodes: readonly [TestApp, TestApp]
    let client: TestClient
    let otherClient: TestClient

    beforeEach(async () => {
      const stores = await openTestStores(mode)
      const clock = new TestClock(undefined, { autoAdvance: true })
      nodes = [await startApp({ stores, clock }), await startApp({ stores, clock })]
      const details = { scopes: ['read', 'account'], audiences: [] }
      client = await nodes[0].createClient(details)
      otherClient = await nodes[0].createClient(details)
      for (const name of ['alice', 'bob']) await nodes[0].createUser(name)
    })

    /** A session whose predecessor is within its window, last refreshed on the node that is not asked to end it. */
    async function signIn(caller = client, username = 'alice'): Promise<Victim> {
      const spent: Tokens = (await nodes[0].signIn(caller, username)).body
      const tokens: Tokens = (await nodes[1].refresh(caller, spent.refresh_token)).body
      return { keyturn: nodes[0], client: caller, tokens, spent }
    }

    /** What each node says of each token: all dead, or the outcome that is not. */
    async function aliveness({ client: caller, tokens, spent }: Victim): Promise<string[]> {
      const alive: string[] = []
      for (const [number, node] of nodes.entries()) {
        for (const token of [tokens, spent].flatMap((pair) => [pair.access_token, pair.refresh_token])) {
          const { body } = await node.post('/oauth/introspect', { token }, caller)
          if (body.active !== false) alive.push(`${number} introspection`)
        }
        if ((await node.get(PATH, bearer(tokens))).status !== 401) alive.push(`${number} account`)
      }
      // The spent one first: once the live one has rotated, it would be a replay.
      for (const [what, token] of Object.entries({ spent, live: tokens })) {
        for (const [number, node] of nodes.entries()) {
          const { status, body } = await node.refresh(caller, token.refresh_token)
          if (status !== 400 || body.error !== 'invalid_grant')
            alive.push(`${number} refresh ${what} ${status}`)
        }
      }
      return alive
    }

    for (const [what, end] of Object.entries(ENDINGS)) {
      it(`R-42 R-45 ${what}: refused at once, inside the retry window too, and nobody else is`, async () => {
        const victim = await signIn()
        const bystander = await signIn(otherClient, 'bob')
        await end(victim)
        expect(await aliveness(victim)).to.deep.equal([])
        const { status } = await nodes[1].refresh(otherClient, bystander.tokens.refresh_token)
        expect(status).to.equal(200)
      })
    }

    it('control: what nobody has ended is alive on every node, in each of these ways', async () => {
      const alive = await aliveness(await signIn())
      const ways = ['introspection', 'introspection', 'introspection', 'introspection', 'account']
      expect(alive).to.have.members([
        ...['0', '1'].flatMap((node) => ways.map((way) => `${node} ${way}`)),
        ...['0', '1'].flatMap((node) => [`${node} refresh spent 200`, `${node} refresh live 200`]),
      ])
    })

    it('R-41 it stays dead when Redis forgets everything, and on a node that starts later', async () => {
      const victim = await signIn()
      await ENDINGS['the user ends it']?.(victim)
      for (const node of nodes) await node.flushRedis()
      expect(await aliveness(victim)).to.deep.equal([])
      const later = await startApp({ stores: nodes[0].stores })
      expect((await later.refresh(client, victim.tokens.refresh_token)).status).to.equal(400)
    })

    it('R-40 no refresh that is asked for after the answer succeeds, whatever was under way', async () => {
      const victim = await signIn()
      const id = await sessionIdOf(victim)
      let token = victim.tokens.refresh_token
      let isOver = false
      const answers = { early: [] as number[], late: [] as number[] }
      const ended = (await nodes[0].administration.sessions()).end(id, 'operator').then(() => {
        isOver = true
      })
      while (answers.late.length < 8) {
        const when = isOver ? 'late' : 'early'
        // Each round presents one token four times, on both nodes: a storm of retries, and no replay.
        const round = [...nodes, ...nodes].map((node) => node.refresh(client, token))
        for (const { status, body } of await Promise.all(round)) {
          answers[when].push(status)
          if (status === 200) token = body.refresh_token
        }
      }
      await ended
      expect(answers.early).to.have.length.greaterThan(0)
      expect(new Set(answers.late)).to.deep.equal(new Set([400]))
      const [listed] = await (await nodes[0].administration.sessions()).list({}, 1)
      expect(listed?.endReason).to.equal('ended_by_operator')
      for (const node of nodes) await node.app.close()
      expect(await aliveness(victim), 'nor does what was flushed afterwards revive it').to.deep.equal([])
    })
  })
}

describe('a session ends with what decides it, and with nothing else', () => {
  async function deployment(stores: Parameters<typeof startApp>[0] = {}) {
    const keyturn = await startApp(stores)
    const client = await keyturn.createClient({ scopes: ['read', 'account'], audiences: [] })
    await keyturn.createUser('alice')
    const signIn = async (): Promise<Tokens> => (await keyturn.signIn(client, 'alice')).body
    return { keyturn, client, signIn }
  }

  it('R-43 with Postgres away an end is 503, never 204', async () => {
    const { stores, server } = await openMortalStores('standard')
    const { keyturn, signIn } = await deployment({ stores })
    const tokens = await signIn()
    const id = (await keyturn.get(PATH, bearer(tokens))).body.sessions[0].id
    await server.kill()
    for (const [method, path] of [
      ['DELETE', PATH],
      ['DELETE', `${PATH}/${id}`],
      ['GET', PATH],
    ] as const) {
      const { status, headers, body } = await keyturn.request(method, path, bearer(tokens))
      expect([status, body.error], method).to.deep.equal([503, 'temporarily_unavailable'])
      expect(Number(headers.get('retry-after'))).to.be.greaterThan(0)
    }
  })

  for (const away of ['hangs', 'is gone'] as const) {
    it(`R-44 while Redis ${away} an end is 204 and holds, also when Redis comes back with what it knew`, async () => {
      const redis = await startRedis()
      afterwards(() => redis.stop())
      const stores = { ...(await openTestStores('small')), mode: 'standard' as const, redisUrl: redis.url }
      const { keyturn, client, signIn } = await deployment({ stores })
      const [here, there] = [await signIn(), await signIn()]
      expect((await keyturn.refresh(client, there.refresh_token)).status).to.equal(200)
      const { sessions } = (await keyturn.get(PATH, bearer(here))).body
      const { id } = sessions.find(({ current }: { current: boolean }) => !current)
      if (away === 'hangs') redis.pause()
      else await redis.kill()
      const { status } = await keyturn.request('DELETE', `${PATH}/${id}`, bearer(here))
      expect(status).to.equal(204)
      expect((await keyturn.refresh(client, there.refresh_token)).status).to.equal(400)
      if (away === 'hangs') redis.resume()
      expect((await keyturn.refresh(client, there.refresh_token)).status).to.equal(400)
      expect((await keyturn.refresh(client, here.refresh_token)).status, 'control').to.equal(200)
    })
  }

  it('R-46 what a restored backup brings back to life is refused once its time is cut off, and only then', async () => {
    const first = await deployment({ mode: 'standard' })
    const { client, signIn } = first
    const { stores } = first.keyturn
    const { database } = stores
    const [control, revoked] = [await signIn(), await signIn()]
    const tables = ['sessions', 'refresh_families', 'revoked_access_tokens', 'session_cutoff']
    await database.query('create schema backup')
    for (const table of tables) await database.query(`create table backup.${table} as table ${table}`)

    for (const { refresh_token: token } of [control, revoked]) {
      expect((await first.keyturn.post('/oauth/revoke', { token }, client)).status).to.equal(200)
      expect((await first.keyturn.refresh(client, token)).status).to.equal(400)
    }
    await first.keyturn.app.close()
    for (const table of tables.toReversed()) await database.query(`delete from ${table}`)
    for (const table of tables) await database.query(`insert into ${table} select * from backup.${table}`)
    await database.query('drop schema backup cascade')

    const restored = await startApp({ stores })
    const alive = await restored.refresh(client, control.refresh_token)
    expect(alive.status, 'control: that is why there is a runbook').to.equal(200)
    const [row] = await database.query<{ now: Date }>('select clock_timestamp() as now')
    await (await restored.administration.sessions()).endIssuedBefore(row?.now ?? new Date(0), 'operator')
    expect((await restored.refresh(client, revoked.refresh_token)).body.error).to.equal('invalid_grant')
    expect((await restored.refresh(client, alive.body.refresh_token)).body.error).to.equal('invalid_grant')
    for (const { access_token: token } of [control, revoked, alive.body as Tokens])
      expect((await restored.post('/oauth/introspect', { token }, client)).body).to.deep.equal(INACTIVE)

    const next = (await restored.signIn(client, 'alice')).body as Tokens
    expect((await restored.refresh(client, next.refresh_token)).status, 'who signs in now goes on').to.equal(
      200,
    )
  })

  it('S-114 a session that was used for a replay shows why it ended', async () => {
    const { keyturn, client, signIn } = await deployment({ mode: 'small' })
    const [thief, here] = [await signIn(), await signIn()]
    let { refresh_token: token } = thief
    for (let n = 0; n < 2; n++) token = (await keyturn.refresh(client, token)).body.refresh_token
    expect((await keyturn.refresh(client, thief.refresh_token)).status).to.equal(400)
    const listed = await (await keyturn.administration.sessions()).list({ user: 'alice' }, 10)
    expect(listed.map(({ state, endReason }) => [state, endReason])).to.deep.equal([
      ['live', null],
      ['ended', 'reuse'],
    ])
    expect((await keyturn.get(PATH, bearer(here))).body.sessions).to.have.length(1)
  })
})

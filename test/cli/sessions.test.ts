import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { sessionsPostgres } from '../../src/sessions/sessions-postgres.ts'
import { withRequest } from '../../src/telemetry/request-context.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { runKeyturn } from '../support/keyturn-process.ts'
import { type OpenPostgres, openPostgres } from '../support/postgres.ts'

const CLIENT = 'client_app'
const SIGNED_IN = new Date('2026-11-01T10:00:00Z')
const FAR = new Date('2900-01-01')
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'

describe('keyturn sessions', () => {
  let postgres: OpenPostgres
  let mine: string[]
  let other: string

  beforeEach(async () => {
    postgres = await openPostgres()
    for (const name of ['alice', 'bob']) await keyturn('users', 'create', name)
    await postgres.database.query(
      `insert into clients (id, name, is_confidential, authentication_methods, late_policy, created_at)
       values ($1, 'app', true, '{client_secret_basic}', 'supersede', now())`,
      [CLIENT],
    )
    mine = [await signIn('alice'), await signIn('alice')]
    other = await signIn('bob')
  })

  function keyturn(...args: readonly string[]) {
    return runKeyturn(args, { env: { KEYTURN_DATABASE_URL: postgres.url } })
  }

  async function json(...args: readonly string[]) {
    const { code, stdout, stderr } = await keyturn('sessions', ...args, '--json')
    expect(code, stderr).to.equal(0)
    return JSON.parse(stdout)
  }

  async function signIn(username: string): Promise<string> {
    const [user] = await postgres.database.query<{ id: string }>('select id from users where username = $1', [
      username,
    ])
    const id = `s_${randomBytes(16).toString('base64url')}`
    const owner = { sessionId: id, userId: user?.id ?? '', clientId: CLIENT }
    const anchor = { generation: 1, predecessor: 0, rotatedAt: SIGNED_IN, keyVersion: 1, lateUsed: false }
    const family = {
      ...owner,
      id: randomBytes(16),
      scope: ['read'],
      audience: [],
      salt: randomBytes(16),
      absoluteExpiresAt: FAR,
      idleExpiresAt: FAR,
      endedAt: null,
      anchor,
    }
    const session = {
      id,
      userId: owner.userId,
      clientId: CLIENT,
      authenticatedAt: SIGNED_IN,
      authenticationMethods: ['pwd'],
      passwordChangedAt: null,
      expiresAt: FAR,
      family,
    }
    const request = { id: 'r', address: '192.0.2.7', userAgent: FIREFOX }
    const families = refreshFamiliesPostgres(postgres.database)
    expect(await withRequest(request, () => families.begin(session))).to.equal(true)
    return id
  }

  const states = async (...ids: string[]) => {
    const sessions = sessionsPostgres(postgres.database)
    return Promise.all(ids.map(async (id) => (await sessions.find(id, new Date()))?.state))
  }

  it('list shows who is signed in, where and since when, the latest first, page by page', async () => {
    const rows = await json('list', '--user', 'ALICE')
    expect(rows.map(({ id }: { id: string }) => id)).to.deep.equal([...mine].reverse())
    const { user_id, ...row } = rows[0]
    expect(user_id).to.be.a('string')
    expect(row).to.deep.equal({
      id: mine[1],
      username: 'alice',
      client_id: CLIENT,
      address: '192.0.2.7',
      user_agent: FIREFOX,
      authentication_methods: ['pwd'],
      signed_in_at: SIGNED_IN.toISOString(),
      last_seen_at: SIGNED_IN.toISOString(),
      state: 'live',
      ended_at: null,
      end_reason: null,
      device: 'Firefox on Windows',
    })
    expect(await json('list')).to.have.length(3)
    expect(await json('list', '--client', CLIENT)).to.have.length(3)
    expect(await json('list', '--client', 'client_other')).to.deep.equal([])
    const { stdout } = await keyturn('sessions', 'list', '--limit', '2', '--user', 'alice')
    expect(stdout.split('\n')[0]).to.match(/^ID +USER +DEVICE +ADDRESS +CLIENT +SIGNED IN +LAST SEEN +STATE$/)
    expect(stdout).to.include('Firefox on Windows').and.include('192.0.2.7')
    expect(stdout).to.include(`keyturn sessions list --user alice --after ${mine[0]}`)
    const after = await json('list', '--limit', '1', '--after', mine[1] ?? '')
    expect(after.map(({ id }: { id: string }) => id)).to.deep.equal([mine[0]])
  })

  it('end ends one, and says when it had ended already', async () => {
    const [id = ''] = mine
    const first = await keyturn('sessions', 'end', id)
    expect([first.code, first.stdout]).to.deep.equal([0, `Session ${id} has ended.\n`])
    expect(await json('end', id)).to.deep.equal({ id, ended: false })
    expect(await states(...mine, other)).to.deep.equal(['ended', 'live', 'live'])
    const { stdout } = await keyturn('sessions', 'list', '--user', 'alice')
    expect(stdout).to.include('ended (ended_by_operator)')
    const [row] = await postgres.database.query(
      "select actor from audit_events where event = 'session.ended'",
    )
    expect(row).to.deep.equal({ actor: 'operator' })
  })

  it('end-all --user signs one user out everywhere, and counts', async () => {
    const { code, stdout } = await keyturn('sessions', 'end-all', '--user', 'alice')
    expect([code, stdout]).to.deep.equal([0, 'alice is signed out everywhere: 2 live sessions ended.\n'])
    expect(await states(...mine, other)).to.deep.equal(['ended', 'ended', 'live'])
    expect(await json('end-all', '--user', 'alice')).to.deep.equal({ username: 'alice', ended: 0 })
  })

  it('end-all --client ends what it had begun; what begins next is live', async () => {
    expect(await json('end-all', '--client', CLIENT)).to.deep.equal({ client_id: CLIENT })
    expect(await states(...mine, other, await signIn('bob'))).to.deep.equal([
      'ended',
      'ended',
      'ended',
      'live',
    ])
  })

  it('R-46 end-all --issued-before ends what began earlier; what begins next is live', async () => {
    await json('end-all', '--issued-before', '2026-01-01T00:00:00Z')
    expect(await states(other), 'control: it began later').to.deep.equal(['live'])
    const [row] = await postgres.database.query<{ now: Date }>('select clock_timestamp() as now')
    const moment = row?.now.toISOString() ?? ''
    expect(await json('end-all', '--issued-before', moment)).to.deep.equal({ issued_before: moment })
    expect(await states(...mine, other, await signIn('bob'))).to.deep.equal([
      'ended',
      'ended',
      'ended',
      'live',
    ])
  })

  it('what is refused exits 1 and ends nothing', async () => {
    const cases = [
      [['end', 's_unknown'], 'session_unknown'],
      [['list', '--after', 's_unknown'], 'session_unknown'],
      [['list', '--user', 'nobody'], 'user_unknown'],
      [['end-all', '--user', 'nobody'], 'user_unknown'],
      [['end-all', '--client', 'client_unknown'], 'client_unknown'],
      [['end-all', '--issued-before', '2900-01-01T00:00:00Z'], 'time_in_future'],
    ] as const
    for (const [args, error] of cases) {
      const { code, stdout } = await keyturn('sessions', ...args, '--json')
      expect([code, JSON.parse(stdout).error], args.join(' ')).to.deep.equal([1, error])
    }
    expect(await states(...mine, other)).to.deep.equal(['live', 'live', 'live'])
  })

  it('end-all takes exactly one flag, and a moment with its zone; anything else exits 2 and ends nothing', async () => {
    const cases = [
      [],
      ['--user', 'alice', '--client', CLIENT],
      ['--user', 'alice', '--issued-before', '2026-01-01T00:00:00Z'],
      ['--issued-before', '2026-01-01'],
      ['--issued-before', '2026-01-01T00:00:00'],
      ['--issued-before', '2026-13-01T00:00:00Z'],
      ['--issued-before', 'yesterday'],
      ['--issued-before', '2026-02-30T00:00:00Z'],
    ]
    for (const args of cases) {
      const { code, stdout } = await keyturn('sessions', 'end-all', ...args, '--json')
      expect([code, JSON.parse(stdout).error], args.join(' ')).to.deep.equal([2, 'misuse'])
    }
    const both = await keyturn('sessions', 'list', '--user', 'alice', '--client', CLIENT)
    expect(both.code).to.equal(2)
    expect(await states(...mine, other)).to.deep.equal(['live', 'live', 'live'])
  })
})

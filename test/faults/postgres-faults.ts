import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Toxics } from './proxy.ts'
import { type Fault, POSTGRES_RECOVERY_MS } from './scenario.ts'
import type { World } from './world.ts'

const ANYWHERE = { topologies: ['standalone', 'small'], recoveryMs: POSTGRES_RECOVERY_MS } as const
/** Where the other mode would show nothing more. */
const STANDALONE = { topologies: ['standalone'], recoveryMs: POSTGRES_RECOVERY_MS } as const
const NODES = "from pg_stat_activity where application_name = 'keyturn'"
const REVOKED = 4
const DISCONNECT_NODES = `select pg_terminate_backend(pid) ${NODES}`

/** What can happen to PostgreSQL, and on the way to it. */
export const POSTGRES_FAULTS: readonly Fault[] = [
  {
    ...{ id: 'F-210', title: 'a backend of PostgreSQL is killed', ...STANDALONE },
    async inject({ postgres }) {
      const [backend] = await postgres.database.query<{ pid: number }>(`select pid ${NODES} limit 1`)
      if (!backend) throw new Error('no node is connected')
      process.kill(backend.pid, 'SIGKILL')
    },
  },
  {
    ...{ id: 'F-210', title: 'PostgreSQL is killed', ...ANYWHERE },
    also: ['flapping'],
    inject: ({ postgres }) => postgres.kill(),
    heal: ({ postgres }) => postgres.start(),
  },
  {
    ...{ id: 'F-210', title: 'PostgreSQL is stopped at once', ...STANDALONE, nightlyOnly: true },
    async inject({ postgres }) {
      process.kill(postgres.pid(), 'SIGQUIT')
      await postgres.stop()
    },
    heal: ({ postgres }) => postgres.start(),
  },
  {
    ...{ id: 'F-211', title: 'PostgreSQL is stopped', ...ANYWHERE },
    also: ['boot'],
    holdMs: { ci: 1000, nightly: 10_000 },
    inject: ({ postgres }) => postgres.stop(),
    heal: ({ postgres }) => postgres.start(),
  },
  {
    ...{ id: 'F-212', title: 'PostgreSQL takes no new connections', ...STANDALONE, nightlyOnly: true },
    async inject({ postgres }) {
      await postgres.database.query(DISCONNECT_NODES)
      postgres.pause()
    },
    heal: ({ postgres }) => postgres.resume(),
  },
  ...(['refresh_families', 'sessions', 'clients'] as const).map((table): Fault => {
    return { ...locked(table), nightlyOnly: table !== 'refresh_families' }
  }),
  {
    ...{ id: 'F-213', title: 'PostgreSQL has no connection left', ...STANDALONE, nightlyOnly: true },
    async inject(world) {
      const { postgres } = world
      await postgres.database.query(DISCONNECT_NODES)
      keep(world, await takeConnections(postgres.url))
    },
    heal: release,
  },
  { ...refusing('F-214', 'insert', 'refresh_families', 'a login is not recorded'), nightlyOnly: true },
  refusing('F-214', 'update of generation', 'refresh_families', 'no position is taken'),
  refusing('F-214', 'update of ended_at', 'refresh_families', 'no end of a session is recorded'),
  revokedInVain(),
  refusing('F-214', 'insert', 'audit_events', 'no audit row is taken'),
  {
    ...refusing('F-215', 'update', 'refresh_families', 'every second step meets a deadlock', '40P01', 0.5),
  },
  {
    ...refusing('F-215', 'insert', 'sessions', 'every second login cannot be serialised', '40001', 0.5),
    nightlyOnly: true,
  },
  refusing('F-217', 'insert or update or delete', 'refresh_families', 'the disk is full', '53100'),
  {
    ...{ id: 'F-217', title: 'PostgreSQL is read-only', ...ANYWHERE },
    also: ['boot'],
    inject: (world) => setReadOnly(world, 'set default_transaction_read_only = on'),
    heal: (world) => setReadOnly(world, 'reset default_transaction_read_only'),
  },
  {
    ...{ id: 'F-219', title: 'PostgreSQL lets nobody in any more', ...STANDALONE },
    async inject(world) {
      await setAccess(world, 'reject')
      await world.postgres.database.query(DISCONNECT_NODES)
    },
    heal: (world) => setAccess(world, 'trust'),
  },
  onLinks('50 ms later, 40 more or less', { latencyMs: 50, jitterMs: 40 }, { nightlyOnly: true }),
  onLinks('200 ms later', { latencyMs: 200 }, { nightlyOnly: true }),
  onLinks('20 KB/s', { bytesPerSecond: 20_000 }, { nightlyOnly: true }),
  onLinks('reset after 20,000 bytes of answers', { cutAfterBytes: 20_000 }, { nightlyOnly: true }),
  onLinks('a tenth of the answers is lost', { lostAnswers: 0.1 }, { nightlyOnly: true }),
  onLinks('nothing passes', { isBlackHole: true }, { also: ['boot'] }),
  onLinks('no answer passes', { holdsAnswers: true }, { nightlyOnly: true }),
  onLinks('nothing passes, for one node', { isBlackHole: true }, { isForOne: true, nightlyOnly: true }),
  {
    ...{ id: 'F-220', title: 'every connection to PostgreSQL is reset', ...ANYWHERE, nightlyOnly: true },
    also: ['flapping'],
    inject({ postgresLinks }) {
      for (const link of postgresLinks) link.reset()
    },
  },
  {
    ...{
      id: 'F-220',
      title: 'every connection to PostgreSQL is half closed',
      ...STANDALONE,
      nightlyOnly: true,
    },
    inject({ postgresLinks }) {
      for (const link of postgresLinks) link.halfClose()
    },
  },
]

/** What a fault holds in its hands until it is healed. */
const held = new WeakMap<World, readonly pg.Client[]>()

function keep(world: World, clients: readonly pg.Client[]): void {
  held.set(world, clients)
}

async function release(world: World): Promise<void> {
  await Promise.all((held.get(world) ?? []).map((client) => client.end().catch(() => {})))
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // its end is no news
  await client.connect()
  return client
}

/** Everything that the server has to give. */
async function takeConnections(url: string): Promise<pg.Client[]> {
  const clients: pg.Client[] = []
  try {
    for (;;) clients.push(await connected(url))
  } catch {
    return clients
  }
}

/** A migration gone wrong: everybody else waits. */
function locked(table: string): Fault {
  return {
    ...{ id: 'F-212', title: `${table} is locked`, ...STANDALONE },
    async inject(world) {
      const client = await connected(world.postgres.url)
      await client.query(`begin; lock table ${table} in access exclusive mode`)
      keep(world, [client])
    },
    heal: release,
  }
}

/** Some statements fail and others do not: nothing may be half done. */
function refusing(id: string, when: string, table: string, title: string, code = 'XX000', share = 1): Fault {
  const drop = `drop trigger if exists refusing on ${table}`
  return {
    ...{ id, title: `PostgreSQL: ${title}`, ...(table === 'audit_events' ? STANDALONE : ANYWHERE) },
    inject: async ({ postgres: { database } }) => {
      await database.query(`
        create or replace function refuse() returns trigger language plpgsql as $$ begin
          if random() < ${share} then raise exception 'refused' using errcode = '${code}'; end if;
          return coalesce(new, old);
        end $$`)
      await database.query(
        `create trigger refusing before ${when} on ${table} for each row execute function refuse()`,
      )
    },
    heal: async ({ postgres: { database } }) => void (await database.query(drop)),
  }
}

/** Sessions that are revoked while no end is recorded, and then used: whoever was told 200 must not see them alive. */
function revokedInVain(): Fault {
  const { inject, heal, ...fault } = refusing(
    'R-43',
    'update of ended_at',
    'refresh_families',
    'sessions are revoked, and it is not recorded',
  )
  const revoked = new WeakMap<World, Awaited<ReturnType<World['seeds']['begin']>>[]>()
  return {
    ...fault,
    async inject(world) {
      const sessions = await Promise.all(Array.from({ length: REVOKED }, () => world.seeds.begin()))
      revoked.set(world, sessions)
      await inject(world)
      for (const { client, refreshToken: token } of sessions) {
        await world.door.ask({ kind: 'revoke', actor: 'revoker', client, form: { token } })
      }
    },
    async heal(world) {
      await heal?.(world)
      for (const { client, refreshToken } of revoked.get(world) ?? []) {
        const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
        await world.door.ask({ kind: 'refresh', actor: 'victim', client, form })
      }
    },
  }
}

/** For new connections; the nodes have to make some. */
async function setReadOnly({ postgres: { database } }: World, setting: string): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query('set transaction read write')
    await transaction.query(`alter database postgres ${setting}`)
  })
  await database.query(DISCONNECT_NODES)
}

/** pg_hba.conf; the suite's own pool has the connections that it needs. */
async function setAccess({ postgres }: World, method: 'trust' | 'reject'): Promise<void> {
  const path = join(postgres.directory, 'data/pg_hba.conf')
  const lines = readFileSync(path, 'utf8').replaceAll(/^(host .*)\s(trust|reject)$/gm, `$1 ${method}`)
  writeFileSync(path, lines)
  process.kill(postgres.pid(), 'SIGHUP')
}

/** Something is wrong on the way between the nodes and PostgreSQL. */
function onLinks(
  title: string,
  toxics: Toxics,
  { isForOne = false, ...more }: Partial<Fault> & { isForOne?: boolean } = {},
): Fault {
  const links = ({ postgresLinks }: World) => (isForOne ? postgresLinks.slice(0, 1) : postgresLinks)
  return {
    ...{ id: 'F-220', title: `to PostgreSQL: ${title}`, ...STANDALONE, ...more },
    inject(world) {
      for (const link of links(world)) link.set(toxics)
    },
    heal(world) {
      for (const link of links(world)) link.heal()
    },
  }
}

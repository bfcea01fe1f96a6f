import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import type {
  NewSession,
  RefreshFamilies,
  RefreshFamily,
  Rotation,
} from '../../src/tokens/refresh-families.ts'
import { FAMILY_COLUMNS, type RefreshFamilyRow, toFamily } from '../../src/tokens/refresh-family-row.ts'
import type { RotationRules } from '../../src/tokens/rotation.ts'

/** What an implementation is tested with. */
export interface FamiliesUnderTest {
  readonly database: Database
  /** Two nodes over the same stores. */
  readonly nodes: readonly [RefreshFamilies, RefreshFamilies]
}

const T0 = new Date('2026-01-01T00:00:00Z')
export const CLIENT = 'client_0123456789abcdef0123'
const DAY = 24 * 3600
const REVOKE: RotationRules = { retryWindowSeconds: 60, latePolicy: 'revoke' }
const SUPERSEDE: RotationRules = { retryWindowSeconds: 60, latePolicy: 'supersede' }

export function later(seconds: number): Date {
  return new Date(T0.getTime() + seconds * 1000)
}

/** A user, a client, a session and its family, generation 1, made at T0. */
export async function beginFamily(database: Database, families: RefreshFamilies): Promise<RefreshFamily> {
  const userId = randomUUID()
  await database.query('insert into users (id, username, joined_at) values ($1, $1, $2)', [userId, T0])
  await database.query(
    `insert into clients (id, name, is_confidential, authentication_methods, late_policy, created_at)
     values ($1, 'app', true, '{client_secret_basic}', 'supersede', $2) on conflict do nothing`,
    [CLIENT, T0],
  )
  const family: RefreshFamily = {
    id: randomBytes(16),
    sessionId: randomUUID(),
    userId,
    clientId: CLIENT,
    scope: ['read'],
    audience: ['https://api.example.com'],
    salt: randomBytes(16),
    absoluteExpiresAt: later(90 * DAY),
    idleExpiresAt: later(14 * DAY),
    endedAt: null,
    anchor: { generation: 1, predecessor: 0, rotatedAt: T0, keyVersion: 1, lateUsed: false },
  }
  await families.begin(sessionOf(family))
  return family
}

/** The login that a family begins with. */
export function sessionOf(family: RefreshFamily): NewSession {
  return {
    id: family.sessionId,
    userId: family.userId,
    clientId: family.clientId,
    authenticatedAt: T0,
    authenticationMethods: ['pwd'],
    passwordChangedAt: null,
    expiresAt: family.idleExpiresAt,
    family,
  }
}

/** The family as the record has it now, as each request reads it. */
export async function reread(database: Database, { id }: RefreshFamily): Promise<RefreshFamily> {
  const [row] = await database.query<RefreshFamilyRow>(
    `select ${FAMILY_COLUMNS} from refresh_families f where f.id = $1`,
    [id],
  )
  if (!row) throw new Error('the family is gone')
  return toFamily(row)
}

/** What every implementation of RefreshFamilies guarantees, whatever it is built on. */
export function refreshFamiliesContract(open: () => Promise<FamiliesUnderTest>): void {
  let database: Database
  let nodes: FamiliesUnderTest['nodes']
  let family: RefreshFamily

  beforeEach(async () => {
    ;({ database, nodes } = await open())
    family = await beginFamily(database, nodes[0])
  })

  /** Presents a generation as a request does: the record is read first. */
  async function present(
    presented: number,
    seconds: number,
    rules = SUPERSEDE,
    node = nodes[0],
  ): Promise<Rotation> {
    return node.rotate(await reread(database, family), {
      presented,
      now: later(seconds),
      keyVersion: 1,
      rules,
      idleExpiresAt: later(seconds + 14 * DAY),
    })
  }

  async function auditEvents(): Promise<string[]> {
    for (const node of nodes) await node.flush()
    const rows = await database.query<{ event: string }>(
      "select event from audit_events where event <> 'session.begun' order by id",
    )
    return rows.map(({ event }) => event)
  }

  it('R-01 64 presentations of one token over two nodes agree on one successor', async () => {
    const all = await Promise.all(
      Array.from({ length: 64 }, (_, n) => present(1, 10, SUPERSEDE, nodes[n % 2])),
    )
    expect(new Set(all.map(({ position }) => position.generation))).to.deep.equal(new Set([2]))
    expect(all.filter(({ outcome }) => outcome === 'rotated')).to.have.length(1)
    expect(all.filter(({ outcome }) => outcome === 'retry')).to.have.length(63)
  })

  const rows: [
    says: string,
    history: [number, number][],
    presented: number,
    seconds: number,
    outcome: string,
    live: number,
  ][] = [
    ['the live token rotates', [], 1, 10, 'rotated', 2],
    [
      '… again and again',
      [
        [1, 10],
        [2, 20],
      ],
      3,
      30,
      'rotated',
      4,
    ],
    ['R-10 the predecessor gets the same successor within the window', [[1, 10]], 1, 70, 'retry', 2],
    ['R-10 and supersedes it after the window, once', [[1, 10]], 1, 71, 'late_retry', 3],
    [
      'a late client retries',
      [
        [1, 10],
        [1, 100],
      ],
      1,
      110,
      'retry',
      3,
    ],
    [
      'a second late retry is reuse',
      [
        [1, 10],
        [1, 100],
      ],
      1,
      161,
      'reuse',
      3,
    ],
    [
      'R-16 the displaced child is reuse',
      [
        [1, 10],
        [1, 100],
      ],
      2,
      101,
      'reuse',
      3,
    ],
    [
      'R-11 an older token is reuse within the window',
      [
        [1, 10],
        [2, 11],
      ],
      1,
      12,
      'reuse',
      3,
    ],
    ['a token ahead of the store rolls it forward', [], 9, 10, 'roll_forward', 10],
    ['a token far ahead ends nothing by itself and is `future`', [], 18, 10, 'future', 1],
  ]
  for (const [says, history, presented, seconds, outcome, live] of rows) {
    it(says, async () => {
      for (const [earlier, at] of history) await present(earlier, at)
      const rotation = await present(presented, seconds, SUPERSEDE, nodes[1])
      expect(rotation.outcome).to.equal(outcome)
      expect(rotation.position.generation).to.equal(live)
    })
  }

  it('R-10 under `revoke` the predecessor is reuse after the window', async () => {
    await present(1, 10, REVOKE)
    expect((await present(1, 71, REVOKE)).outcome).to.equal('reuse')
  })

  it('R-05 a retry names the key version that the successor was made with', async () => {
    await present(1, 10)
    const retried = await nodes[1].rotate(await reread(database, family), {
      presented: 1,
      now: later(11),
      keyVersion: 2,
      rules: SUPERSEDE,
      idleExpiresAt: later(DAY),
    })
    expect(retried.position).to.include({ generation: 2, keyVersion: 1 })
  })

  it('R-12 a family that was ended answers `ended` or is refused where it is read, for every token', async () => {
    await present(1, 10)
    const before = await reread(database, family)
    await nodes[0].end(family, 'reuse', 'client:x', later(20))
    const ended = await reread(database, family)
    expect(ended.endedAt).to.deep.equal(later(20))
    expect(before.endedAt).to.equal(null)
  })

  it('R-42 nothing moves in the record once it has ended, even for who had read it before', async () => {
    const before = await reread(database, family)
    await nodes[0].end(family, 'revoked', 'client:x', later(5))
    await nodes[1].rotate(before, {
      presented: 1,
      now: later(6),
      keyVersion: 1,
      rules: SUPERSEDE,
      idleExpiresAt: later(DAY),
    })
    await nodes[1].flush()
    expect((await reread(database, family)).endedAt).to.deep.equal(later(5))
  })

  it('R-13 ending twice writes once', async () => {
    for (let n = 0; n < 3; n++) await nodes[0].end(family, 'reuse', 'client:x', later(n))
    expect(await auditEvents()).to.deep.equal(['family.reuse'])
    expect((await reread(database, family)).endedAt).to.deep.equal(later(0))
  })

  it('an ordinary refresh and a retry write no audit row; what is out of the ordinary writes one', async () => {
    await present(1, 10)
    await present(1, 20)
    expect(await auditEvents()).to.deep.equal([])
    await present(1, 100)
    expect(await auditEvents()).to.deep.equal(['family.late_retry'])
    await present(9, 110)
    expect(await auditEvents()).to.deep.equal(['family.late_retry', 'family.roll_forward'])
  })

  it('R-15 the absolute expiry never moves; the idle one slides with each real rotation', async () => {
    for (let n = 1; n <= 20; n++) await present(n, n * 1000)
    await present(20, 20_030)
    for (const node of nodes) await node.flush()
    const now = await reread(database, family)
    expect(now.absoluteExpiresAt).to.deep.equal(later(90 * DAY))
    expect(now.idleExpiresAt).to.deep.equal(later(20_000 + 14 * DAY))
  })

  it('the position is told without being changed', async () => {
    await present(1, 10)
    const told = await nodes[1].position(await reread(database, family))
    expect(told).to.include({ generation: 2, predecessor: 1, lateUsed: false })
    expect(await nodes[1].position(await reread(database, family))).to.deep.equal(told)
  })

  it('a login removes sessions that are long over, with their families, and no live one', async () => {
    const old = await beginFamily(database, nodes[0])
    await database.query('update sessions set remove_after = $2 where id = $1', [old.sessionId, later(-1)])
    await beginFamily(database, nodes[0])
    const kept = await database.query<{ id: Buffer }>('select id from refresh_families')
    expect(kept).to.have.length(2)
    expect(kept.some(({ id }) => id.equals(old.id))).to.equal(false)
  })

  it('a node whose clock is far ahead removes nobody’s live session', async () => {
    await database.query("update sessions set remove_after = now() + interval '1 day'")
    const next = { ...family, id: randomBytes(16), sessionId: randomUUID() }
    await nodes[0].begin({ ...sessionOf(next), authenticatedAt: new Date('2100-01-01') })
    expect(await database.query('select id from sessions')).to.have.length(2)
  })

  it('S-130 nothing begins for a user who was disabled or got another password since', async () => {
    const begin = async (change: string) => {
      const other = await beginFamily(database, nodes[0])
      await database.query(`update users set ${change} where id = $1`, [other.userId])
      return nodes[1].begin(sessionOf({ ...other, id: randomBytes(16), sessionId: randomUUID() }))
    }
    expect(await begin('is_active = false')).to.equal(false)
    expect(await begin("password_changed_at = '2026-01-01'")).to.equal(false)
    expect(await begin("last_login_at = '2026-01-01'"), 'control').to.equal(true)
  })

  it('a session that is being used is kept past its first expiry', async () => {
    await present(1, 10 * DAY)
    for (const node of nodes) await node.flush()
    const [row] = await database.query<{ remove_after: Date }>(
      'select remove_after from sessions where id = $1',
      [family.sessionId],
    )
    expect(row?.remove_after.getTime()).to.be.greaterThan(later(24 * DAY + 7 * DAY - 1).getTime())
  })
}

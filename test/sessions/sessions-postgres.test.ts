import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import type { EndReason } from '../../src/sessions/session.ts'
import type { Sessions } from '../../src/sessions/sessions.ts'
import { sessionsPostgres } from '../../src/sessions/sessions-postgres.ts'
import { withRequest } from '../../src/telemetry/request-context.ts'
import { readPresentedPostgres } from '../../src/tokens/presented-postgres.ts'
import type { RefreshFamilies, RefreshFamily } from '../../src/tokens/refresh-families.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { tokenStandingPostgres } from '../../src/tokens/token-standing-postgres.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { beginFamily, CLIENT, later, sessionOf } from '../tokens/refresh-families.contract.ts'

const ending = (reason: EndReason = 'ended_by_operator') => ({ reason, actor: 'operator', now: later(10) })
const PAGE = { limit: 100 }

forEachDatabase((_name, open) => {
  describe('sessions', () => {
    let database: Database
    let families: RefreshFamilies
    let sessions: Sessions

    beforeEach(async () => {
      database = await open()
      families = refreshFamiliesPostgres(database)
      sessions = sessionsPostgres(database)
    })

    /** Another login, of the same user with the same client unless said otherwise. */
    async function beginAnother(family: RefreshFamily, change: Partial<RefreshFamily> = {}) {
      const next = { ...family, id: randomBytes(16), sessionId: randomUUID(), ...change }
      expect(await families.begin(sessionOf(next))).to.equal(true)
      return next
    }

    /** Another family in the same session, as a second client of a browser may have one. */
    async function addFamily(family: RefreshFamily): Promise<RefreshFamily> {
      const next = { ...family, id: randomBytes(16) }
      await database.query(
        `insert into refresh_families (id, session_id, user_id, client_id, scope, audience, salt, created_at,
           absolute_expires_at, idle_expires_at, generation, predecessor, rotated_at, key_version)
         select $1, session_id, user_id, client_id, scope, audience, salt, created_at, absolute_expires_at,
           idle_expires_at, generation, predecessor, rotated_at, key_version from refresh_families where id = $2`,
        [next.id, family.id],
      )
      return next
    }

    /** Whether refresh and introspection still take what the family has issued: they must agree. */
    async function stands({ id, sessionId, userId, clientId }: RefreshFamily): Promise<boolean> {
      const { family } = await readPresentedPostgres(database, new TestClock())(clientId, id)
      const basis = {
        jti: randomUUID(),
        clientId,
        userId,
        sessionId,
        familyId: id.toString('base64url'),
        keyId: undefined,
      }
      const accessTokenStands = await tokenStandingPostgres(database).stands(basis)
      const refreshStands = family !== undefined && family.family.endedAt === null && !family.sessionEnded
      expect(accessTokenStands, 'access token and refresh token').to.equal(refreshStands)
      return accessTokenStands
    }

    const stateOf = async ({ sessionId }: RefreshFamily, seconds = 20) => {
      const session = await sessions.find(sessionId, later(seconds))
      return session && [session.state, session.endReason]
    }

    const audited = async () =>
      database.query(
        "select event, actor, user_id, client_id, details from audit_events where event <> 'session.begun'",
      )

    it('a session is read back as the login was', async () => {
      const family = await beginFamily(database, families)
      const request = { id: 'r', address: '192.0.2.7', userAgent: 'okhttp/4.12.0' }
      const next = await withRequest(request, () => beginAnother(family))
      expect(await sessions.find(next.sessionId, later(20))).to.deep.equal({
        id: next.sessionId,
        userId: family.userId,
        username: family.userId,
        clientId: CLIENT,
        address: '192.0.2.7',
        userAgent: 'okhttp/4.12.0',
        authenticationMethods: ['pwd'],
        signedInAt: later(0),
        lastSeenAt: later(0),
        state: 'live',
        endedAt: null,
        endReason: null,
      })
      expect(await sessions.find(randomUUID(), later(0))).to.equal(undefined)
    })

    it('a login leaves an audit row, in its transaction: with where it came from, and none where it is refused', async () => {
      const family = await beginFamily(database, families)
      await database.query('delete from audit_events')
      const { sessionId } = await withRequest({ id: 'r', address: '192.0.2.7' }, () => beginAnother(family))
      await database.query('update users set is_active = false')
      expect(
        await families.begin(sessionOf({ ...family, id: randomBytes(16), sessionId: randomUUID() })),
      ).to.equal(false)
      const rows = await database.query(
        'select event, actor, user_id, client_id, request_id, address, details from audit_events',
      )
      expect(rows).to.deep.equal([
        {
          event: 'session.begun',
          actor: `user:${family.userId}`,
          user_id: family.userId,
          client_id: CLIENT,
          request_id: 'r',
          address: '192.0.2.7',
          details: { session: sessionId, methods: 'pwd' },
        },
      ])
    })

    it('a login is not refused for the microseconds of when the password was set', async () => {
      const family = await beginFamily(database, families)
      await database.query("update users set password_changed_at = '2026-01-01T00:00:00.123456Z'")
      const begin = (passwordChangedAt: Date) =>
        families.begin({
          ...sessionOf({ ...family, id: randomBytes(16), sessionId: randomUUID() }),
          passwordChangedAt,
        })
      const [row] = await database.query<{ at: Date }>('select password_changed_at as at from users')
      expect(await begin(row?.at ?? later(0))).to.equal(true)
      expect(await begin(new Date('2026-01-01T00:00:00.124Z')), 'control').to.equal(false)
    })

    it('was last seen at its latest rotation', async () => {
      const family = await beginFamily(database, families)
      const rules = { retryWindowSeconds: 60, latePolicy: 'revoke' } as const
      const request = { presented: 1, now: later(500), keyVersion: 1, rules, idleExpiresAt: later(1000) }
      await families.rotate(family, request)
      const session = await sessions.find(family.sessionId, later(501))
      expect(session?.lastSeenAt).to.deep.equal(later(500))
      expect(session?.signedInAt).to.deep.equal(later(0))
    })

    it('the latest come first, page by page, of everybody, of a user or of a client', async () => {
      const first = await beginFamily(database, families)
      const all = [first]
      for (let n = 0; n < 4; n++) all.push(await beginAnother(first))
      const stranger = await beginFamily(database, families)
      const idsOf = async (filter: object, page: { limit: number; after?: string }) =>
        (await sessions.list(filter, page, later(20)))?.map(({ id }) => id)
      const own = all.map(({ sessionId }) => sessionId).reverse()
      expect(await idsOf({ userId: first.userId }, PAGE)).to.deep.equal(own)
      expect(await idsOf({}, PAGE)).to.deep.equal([stranger.sessionId, ...own])
      expect(await idsOf({ clientId: CLIENT }, PAGE)).to.deep.equal([stranger.sessionId, ...own])
      expect(await idsOf({ clientId: 'client_other' }, PAGE)).to.deep.equal([])

      const pages: string[] = []
      for (let after: string | undefined; ; after = pages.at(-1)) {
        const page = await idsOf(
          { userId: first.userId },
          { limit: 2, ...(after !== undefined && { after }) },
        )
        if (!page?.length) break
        pages.push(...page)
      }
      expect(pages).to.deep.equal(own)
      const foreign = { limit: 2, after: stranger.sessionId }
      expect(await idsOf({ userId: first.userId }, foreign), "another's is no place to go on from").to.equal(
        undefined,
      )
    })

    it('sessions that began in the same microsecond are each on one page', async () => {
      const first = await beginFamily(database, families)
      for (let n = 0; n < 6; n++) await beginAnother(first)
      await database.query('update sessions set created_at = now()')
      const seen = new Set<string>()
      for (let after: string | undefined; ; ) {
        const page = await sessions.list({}, { limit: 2, after }, later(20))
        if (!page?.length) break
        for (const { id } of page) seen.add(id)
        after = page.at(-1)?.id
      }
      expect(seen.size).to.equal(7)
    })

    it('ending one ends it, once, with one audit row, and no other', async () => {
      const family = await beginFamily(database, families)
      const other = await beginAnother(family)
      expect(await stands(family), 'control').to.equal(true)
      expect(await sessions.end(family.sessionId, ending())).to.equal('ended')
      expect(await sessions.end(family.sessionId, ending('signed_out'))).to.equal('already_ended')
      expect(await sessions.end(randomUUID(), ending())).to.equal('unknown')
      expect([await stands(family), await stands(other)]).to.deep.equal([false, true])
      expect(await stateOf(family)).to.deep.equal(['ended', 'ended_by_operator'])
      expect(await audited()).to.deep.equal([
        {
          event: 'session.ended',
          actor: 'operator',
          user_id: family.userId,
          client_id: CLIENT,
          details: { session: family.sessionId, reason: 'ended_by_operator' },
        },
      ])
    })

    it("another user's session is unknown to a user, and stays", async () => {
      const [mine, theirs] = [await beginFamily(database, families), await beginFamily(database, families)]
      expect(await sessions.end(theirs.sessionId, ending(), mine.userId)).to.equal('unknown')
      expect(await stands(theirs)).to.equal(true)
      expect(await sessions.end(theirs.sessionId, ending(), theirs.userId), 'control').to.equal('ended')
    })

    it('all of a user end, counted, and nobody else’s', async () => {
      const family = await beginFamily(database, families)
      const second = await beginAnother(family)
      await beginAnother(family, { idleExpiresAt: later(1) })
      const stranger = await beginFamily(database, families)
      expect(
        await sessions.endOfUser(family.userId, ending('signed_out')),
        'the expired is not counted',
      ).to.equal(2)
      expect([await stands(family), await stands(second), await stands(stranger)]).to.deep.equal([
        false,
        false,
        true,
      ])
      expect(await sessions.endOfUser(randomUUID(), ending())).to.equal(undefined)
      const [row, ...more] = await audited()
      expect(more).to.deep.equal([])
      expect(row).to.deep.include({ event: 'sessions.ended', user_id: family.userId })
    })

    it('all of a client end, whatever begins afterwards lives', async () => {
      const family = await beginFamily(database, families)
      expect(await sessions.endOfClient(CLIENT, 'operator')).to.equal(true)
      expect(await stands(family)).to.equal(false)
      expect(await stateOf(family)).to.deep.equal(['ended', 'client_ended'])
      const next = await beginAnother(family)
      expect(await stands(next)).to.equal(true)
      expect(await stateOf(next)).to.deep.equal(['live', null])
      expect(await sessions.endOfClient('client_unknown', 'operator')).to.equal(false)
      expect(await audited()).to.have.length(1)
    })

    it('a session without a family ends with its client, too', async () => {
      const family = await beginFamily(database, families)
      const id = randomUUID()
      const { userId } = family
      const bare = { ...sessionOf(family), id, family: undefined }
      const basis = {
        jti: 'x',
        clientId: CLIENT,
        userId,
        sessionId: id,
        familyId: undefined,
        keyId: undefined,
      }
      const standing = () => tokenStandingPostgres(database).stands(basis)
      expect(await families.begin(bare)).to.equal(true)
      expect([await standing(), (await sessions.find(id, later(20)))?.state]).to.deep.equal([true, 'live'])
      expect((await sessions.find(id, family.idleExpiresAt))?.state).to.equal('expired')
      await sessions.endOfClient(CLIENT, 'operator')
      expect([await standing(), (await sessions.find(id, later(20)))?.state]).to.deep.equal([false, 'ended'])
    })

    it('all from before a moment end; a moment that is yet to come is refused, and an earlier one changes nothing', async () => {
      const family = await beginFamily(database, families)
      const future = new Date('2900-01-01')
      expect(await sessions.endIssuedBefore(future, 'operator')).to.equal(false)
      expect(await sessions.endIssuedBefore(new Date('2001-01-01'), 'operator')).to.equal(true)
      expect(await stands(family), 'control: it began later').to.equal(true)

      await database.query("update sessions set created_at = now() - interval '2 hours'")
      const next = await beginAnother(family)
      const [row] = await database.query<{ at: Date }>("select now() - interval '1 hour' as at")
      expect(await sessions.endIssuedBefore(row?.at ?? future, 'operator')).to.equal(true)
      expect([await stands(family), await stands(next)]).to.deep.equal([false, true])
      expect(await stateOf(family)).to.deep.equal(['ended', 'issued_before'])
      await sessions.endIssuedBefore(new Date('2002-01-01'), 'operator')
      expect(await stands(family), 'it never goes back').to.equal(false)
      expect(await audited()).to.have.length(3)
    })

    for (const reason of ['revoked', 'reuse', 'future'] as const) {
      it(`a session ends with its last family, for the same reason: ${reason}`, async () => {
        const family = await beginFamily(database, families)
        const second = await addFamily(family)
        await families.end(family, reason, 'client:x', later(10))
        expect([await stateOf(family), await stands(second)], 'one is left').to.deep.equal([
          ['live', null],
          true,
        ])
        await families.end(second, reason, 'client:x', later(11))
        expect(await stateOf(family)).to.deep.equal(['ended', reason])
        const rows = await database.query<{ details: { sessionEnded: boolean } }>(
          "select details from audit_events where event like 'family.%' order by id",
        )
        expect(rows.map(({ details }) => details.sessionEnded)).to.deep.equal([false, true])
      })
    }

    it('a session ends although its last two families end at the same time', async () => {
      for (let round = 0; round < 10; round++) {
        const family = await beginFamily(database, families)
        const both = [family, await addFamily(family)]
        await Promise.all(both.map((one) => families.end(one, 'revoked', 'client:x', later(10))))
        expect(await stateOf(family)).to.deep.equal(['ended', 'revoked'])
      }
    })

    it('what nobody ended has expired once it was not used for too long', async () => {
      const family = await beginFamily(database, families)
      const seconds = (family.idleExpiresAt.getTime() - later(0).getTime()) / 1000
      expect(await stateOf(family, seconds - 1)).to.deep.equal(['live', null])
      expect(await stateOf(family, seconds)).to.deep.equal(['expired', null])
      const live = async (at: number) =>
        (await sessions.list({ userId: family.userId, onlyLive: true }, PAGE, later(at)))?.length
      expect([await live(seconds - 1), await live(seconds)]).to.deep.equal([1, 0])
    })

    it('rows of the release before, which know nothing of their login, are listed and ended like any', async () => {
      const family = await beginFamily(database, families)
      await database.query(
        'update sessions set client_id = null, address = null, user_agent = null, authentication_methods = default',
      )
      expect(await sessions.find(family.sessionId, later(20))).to.include({ clientId: CLIENT, state: 'live' })
      await sessions.endOfClient(CLIENT, 'operator')
      expect([await stands(family), await stateOf(family)]).to.deep.equal([false, ['ended', 'client_ended']])
    })
  })
})

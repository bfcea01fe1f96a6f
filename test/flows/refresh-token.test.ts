import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { MODES, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { until } from '../support/until.ts'

/** A client and a signed-in user on a node whose clock the test moves. */
async function signedIn(keyturn: TestApp, details: Parameters<TestApp['createClient']>[0] = {}) {
  const client = await keyturn.createClient(details)
  await keyturn.createUser('alice')
  const { body } = await keyturn.signIn(client, 'alice')
  return { client, first: body.refresh_token as string }
}

for (const mode of MODES) {
  describe(`refreshing, ${mode}`, () => {
    let clock: TestClock
    let keyturn: TestApp
    let client: TestClient
    let first: string

    beforeEach(async () => {
      clock = new TestClock(undefined, { autoAdvance: true })
      keyturn = await startApp({ mode, clock })
      ;({ client, first } = await signedIn(keyturn))
    })

    /** Moves the time; the node reads its keys meanwhile, as it does every fifteen seconds. */
    async function advance(seconds: number): Promise<void> {
      clock.advance(seconds * 1000)
      await keyturn.app.reloadKeys()
    }

    it('R-01 64 parallel refreshes of one token over two nodes: one successor, no error', async () => {
      const second = await startApp({ stores: keyturn.stores, clock })
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, n) => (n % 2 ? second : keyturn).refresh(client, first)),
      )
      expect(answers.map(({ status }) => status)).to.deep.equal(Array(64).fill(200))
      expect(new Set(answers.map(({ body }) => body.refresh_token)).size).to.equal(1)
      const next = await keyturn.refresh(client, answers[0]?.body.refresh_token)
      expect(next.status).to.equal(200)
    })

    it('R-10 a lost answer costs nothing: the same token again gives the same successor', async () => {
      const once = await keyturn.refresh(client, first)
      await advance(59)
      const again = await keyturn.refresh(client, first)
      expect(again.status).to.equal(200)
      expect(again.body.refresh_token).to.equal(once.body.refresh_token)
      expect(again.body.access_token).not.to.equal(once.body.access_token)
    })

    it('R-12 a replay ends the family: every token of it, the live one too, and its access tokens', async () => {
      const second = (await keyturn.refresh(client, first)).body
      const third = (await keyturn.refresh(client, second.refresh_token)).body
      const replay = await keyturn.refresh(client, first)
      expect(replay.status).to.equal(400)
      expect(replay.body.error).to.equal('invalid_grant')
      for (const token of [first, second.refresh_token, third.refresh_token]) {
        expect((await keyturn.refresh(client, token)).body.error).to.equal('invalid_grant')
      }
      const introspected = await keyturn.post('/oauth/introspect', { token: third.access_token }, client)
      expect(introspected.body).to.deep.equal({ active: false })
    })

    it('R-14 another client that presents the token is refused and ends nothing', async () => {
      const stranger = await keyturn.createClient()
      expect((await keyturn.refresh(stranger, first)).body.error).to.equal('invalid_grant')
      expect((await keyturn.refresh(client, first)).status).to.equal(200)
    })

    it('R-15 the session ends ninety days after the login, to the second, however often it is used', async () => {
      const DAY = 24 * 3600
      let token = first
      for (let day = 10; day < 90; day += 10) {
        await advance(10 * DAY)
        token = (await keyturn.refresh(client, token)).body.refresh_token
      }
      await advance(10 * DAY - 1)
      const last = await keyturn.refresh(client, token)
      expect(last.status).to.equal(200)
      expect(last.body.expires_in, 'no access token outlives the session').to.equal(1)
      await advance(1)
      expect((await keyturn.refresh(client, last.body.refresh_token)).body.error).to.equal('invalid_grant')
    })

    it('R-15 a session that is not used for fourteen days ends', async () => {
      await advance(14 * 24 * 3600)
      expect((await keyturn.refresh(client, first)).body.error).to.equal('invalid_grant')
    })

    it('R-17 asking for less is granted and narrows nothing; asking for more consumes nothing', async () => {
      const less = await keyturn.refresh(client, first, { scope: 'read' })
      expect(less.body.scope).to.equal('read')
      const more = await keyturn.refresh(client, less.body.refresh_token, { scope: 'read admin' })
      expect(more.body.error).to.equal('invalid_scope')
      const all = await keyturn.refresh(client, less.body.refresh_token)
      expect(all.body.scope).to.equal('read write')
    })

    it('S-062 a wrong resource is refused before anything is consumed', async () => {
      const wrong = await keyturn.refresh(client, first, { resource: 'https://other.example.com' })
      expect(wrong.body.error).to.equal('invalid_target')
      expect((await keyturn.refresh(client, first)).status).to.equal(200)
    })

    it('S-056 a disabled user gets nothing, at once, and stays signed out when enabled again', async () => {
      const users = await keyturn.administration.users()
      await users.disable('alice', 'operator')
      expect((await keyturn.refresh(client, first)).body.error).to.equal('invalid_grant')
      await users.enable('alice', 'operator')
      expect((await keyturn.refresh(client, first)).body.error).to.equal('invalid_grant')
    })

    it('R-45 a new password signs everybody out who knew the old one', async () => {
      await (await keyturn.administration.users()).setPassword('alice', 'another good password', 'operator')
      expect((await keyturn.refresh(client, first)).body.error).to.equal('invalid_grant')
    })

    it('S-039 a disabled client is refused at once', async () => {
      await (await keyturn.administration.clients()).disable(client.id, 'operator')
      const refused = await keyturn.refresh(client, first)
      expect([refused.status, refused.body.error]).to.deep.equal([401, 'invalid_client'])
    })

    it('S-035 a confidential client must authenticate to refresh', async () => {
      const refused = await keyturn.refresh({ id: client.id }, first)
      expect([refused.status, refused.body.error]).to.deep.equal([401, 'invalid_client'])
      expect((await keyturn.refresh(client, first)).status).to.equal(200)
    })

    it('a deleted user leaves nothing that works', async () => {
      await (await keyturn.administration.users()).remove('alice', 'operator')
      expect((await keyturn.refresh(client, first)).body.error).to.equal('invalid_grant')
    })
  })
}

describe('what a late client gets', () => {
  const after = async (
    keyturn: TestApp,
    clock: TestClock,
    client: TestClient,
    first: string,
    seconds: number,
  ) => {
    await keyturn.refresh(client, first)
    clock.advance(seconds * 1000)
    await keyturn.app.reloadKeys()
    return keyturn.refresh(client, first)
  }
  const rows: [who: string, details: Parameters<TestApp['createClient']>[0], status: number][] = [
    ['a confidential client is let in again', {}, 200],
    ['a native public client is let in again', { isPublic: true, isNative: true }, 200],
    ['a browser is taken for a thief', { isPublic: true }, 400],
    ['… unless its client says otherwise', { isPublic: true, latePolicy: 'supersede' }, 200],
    ['a confidential client may be strict', { latePolicy: 'revoke' }, 400],
  ]
  for (const [who, details, status] of rows) {
    it(who, async () => {
      const clock = new TestClock(undefined, { autoAdvance: true })
      const keyturn = await startApp({ mode: 'small', clock })
      const { client, first } = await signedIn(keyturn, details)
      expect((await after(keyturn, clock, client, first, 3600)).status).to.equal(status)
    })
  }

  it('R-16 once it was let in, the successor it never got is dead, and using it ends the family', async () => {
    const clock = new TestClock(undefined, { autoAdvance: true })
    const keyturn = await startApp({ mode: 'small', clock })
    const { client, first } = await signedIn(keyturn)
    const lost = (await keyturn.refresh(client, first)).body.refresh_token
    clock.advance(61_000)
    const late = (await keyturn.refresh(client, first)).body.refresh_token
    expect(late).not.to.equal(lost)
    expect((await keyturn.refresh(client, lost)).body.error).to.equal('invalid_grant')
    expect((await keyturn.refresh(client, late)).body.error).to.equal('invalid_grant')
  })
})

describe('what a refresh depends on', () => {
  it('S-063 when signing fails after the rotation, the retry gets the successor', async () => {
    const clock = new TestClock(undefined, { autoAdvance: true })
    const keyturn = await startApp({ mode: 'standard', clock })
    const { client, first } = await signedIn(keyturn)
    // Older than half the time between publishing and signing: the key set no longer says which key signs.
    await keyturn.stores.database.query('alter table signing_keys rename to signing_keys_away')
    clock.advance(700_000)
    await keyturn.app.reloadKeys().catch(() => {})
    const failed = await keyturn.refresh(client, first)
    expect(failed.status).to.equal(503)
    expect(Number(failed.headers.get('retry-after'))).to.be.greaterThan(0)
    await keyturn.stores.database.query('alter table signing_keys_away rename to signing_keys')
    await keyturn.app.reloadKeys()
    expect((await keyturn.refresh(client, first)).status).to.equal(200)
  })

  it('a scope taken from the client is taken from its sessions', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const { client, first } = await signedIn(keyturn)
    await keyturn.stores.database.query("update clients set scopes = '{read}' where id = $1", [client.id])
    const { body } = await keyturn.refresh(client, first)
    expect(decodeJwt(body.access_token)['scope']).to.equal('read')
  })

  it('a grant for two resources stays one for both', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const [one, two, three] = [
      'https://one.example.com',
      'https://two.example.com',
      'https://three.example.com',
    ]
    const client = await keyturn.createClient({ audiences: [one, two, three] as string[] })
    await keyturn.createUser('alice')
    const credentials = { grant_type: 'password', username: 'alice', password: keyturn.password }
    const form = new URLSearchParams([
      ...Object.entries(credentials),
      ['resource', two ?? ''],
      ['resource', one ?? ''],
    ])
    const granted = await keyturn.post('/oauth/token', form, client)
    expect(decodeJwt(granted.body.access_token).aud).to.deep.equal([two, one])
    const refreshed = await keyturn.refresh(client, granted.body.refresh_token)
    expect(decodeJwt(refreshed.body.access_token).aud).to.deep.equal([two, one])
    const beyond = await keyturn.refresh(client, refreshed.body.refresh_token, { resource: three ?? '' })
    expect(beyond.body.error, 'CVE-2026-67332: never beyond the grant').to.equal('invalid_target')
  })

  it('no access token outlives the session, the first one neither', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const client = await keyturn.createClient({ refreshAbsoluteTtlSeconds: 60, refreshIdleTtlSeconds: 60 })
    await keyturn.createUser('alice')
    expect((await keyturn.signIn(client, 'alice')).body.expires_in).to.equal(60)
  })

  it('enabling who is enabled ends nothing', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const { client, first } = await signedIn(keyturn)
    await (await keyturn.administration.users()).enable('alice', 'operator')
    await (await keyturn.administration.clients()).enable(client.id, 'operator')
    expect((await keyturn.refresh(client, first)).status).to.equal(200)
  })

  it('a client that may no longer refresh cannot', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const { client, first } = await signedIn(keyturn)
    await keyturn.stores.database.query("update clients set grants = '{password}' where id = $1", [client.id])
    expect((await keyturn.refresh(client, first)).body.error).to.equal('unauthorized_client')
  })

  it('a client without the grant gets no refresh token at all', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const client = await keyturn.createClient({ grants: ['password'] })
    await keyturn.createUser('alice')
    const { body } = await keyturn.signIn(client, 'alice')
    expect(body).to.have.property('access_token')
    expect(body).not.to.have.property('refresh_token')
  })

  it('S-050 the password grant exists for first-party clients alone', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const refused = await keyturn.createClient({ isFirstParty: false }).catch((error) => error)
    expect(refused).to.have.property('name', 'Refusal')
    const client = await keyturn.createClient({ grants: ['client_credentials'] })
    await keyturn.createUser('alice')
    expect((await keyturn.signIn(client, 'alice')).body.error).to.equal('unauthorized_client')
  })
})

describe('a login that is under way', () => {
  it('S-130 begins nothing when the password is changed before it has begun', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const client = await keyturn.createClient()
    await keyturn.createUser('alice')
    const { database } = keyturn.stores
    // The change has been made and is not committed yet; the login has checked the old password.
    let answer: Promise<{ status: number; body: { error?: string } }> | undefined
    await database.transaction(async (transaction) => {
      await transaction.query("update users set password_changed_at = now() where username = 'alice'")
      answer = keyturn.signIn(client, 'alice')
      await until(async () => (await waitingForLocks()) > 0)
    })
    expect((await answer)?.body).to.include({ error: 'invalid_grant' })
    expect(await database.query('select id from sessions')).to.deep.equal([])

    async function waitingForLocks(): Promise<number> {
      const rows = await database.query('select from pg_locks where not granted and pid <> pg_backend_pid()')
      return rows.length
    }
  })
})

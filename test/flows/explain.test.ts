import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { secretsIn } from '../support/secrets.ts'

/** One signed-in session in the embedded mode's database, which the record of every mode equals. */
async function session(details: Parameters<TestApp['createClient']>[0] = {}) {
  const clock = new TestClock(undefined, { autoAdvance: true })
  const keyturn = await startApp({ mode: 'small', clock })
  const client = await keyturn.createClient(details)
  await keyturn.createUser('alice')
  const { access_token: access, refresh_token: first } = (await keyturn.signIn(client, 'alice')).body
  const refresh = async (token: string, by: TestClient = client) =>
    (await keyturn.refresh(by, token)).body.refresh_token as string
  const ask = async (text: string) => {
    const explained = await keyturn.administration.explain(text)
    expect(secretsIn(JSON.stringify(explained)), 'no secret in it').to.deep.equal([])
    return explained
  }
  return { clock, keyturn, client, access: access as string, first: first as string, refresh, ask }
}

describe('keyturn explain', () => {
  it('says of each refresh token of a chain what presenting it would come to, and why', async () => {
    const s = await session()
    const second = await s.refresh(s.first)
    const third = await s.refresh(second)
    expect(await s.ask(third)).to.deep.include({
      kind: 'refresh_token',
      outcome: 'rotated',
      because: 'generation 3 is the live one: presenting it makes 4',
    })
    expect((await s.ask(second)).outcome).to.equal('retry')
    s.clock.advance(61_000)
    expect((await s.ask(second)).outcome).to.equal('late_retry')
    const reuse = await s.ask(s.first)
    expect(reuse.outcome).to.equal('reuse')
    expect(reuse.because).to.equal(
      'generation 1 was spent before the last one; 3 is live: presenting it ends the family',
    )
    expect(reuse.session?.username).to.equal('alice')
    expect(reuse.families.map(({ generation, predecessor }) => [generation, predecessor])).to.deep.equal([
      [3, 2],
    ])
    expect(reuse.events.map(({ event }) => event)).to.deep.equal(['session.begun'])
  })

  it('changes nothing: what it foretells is what happens', async () => {
    const s = await session()
    await s.refresh(await s.refresh(s.first))
    for (let n = 0; n < 3; n++) expect((await s.ask(s.first)).outcome).to.equal('reuse')
    expect((await s.ask(s.first)).session?.state).to.equal('live')
    expect((await s.keyturn.refresh(s.client, s.first)).body.error).to.equal('invalid_grant')
    const after = await s.ask(s.first)
    expect(after.outcome).to.equal('revoked')
    expect(after.because).to.match(/ended \(reuse, /)
    expect(after.events.map(({ event }) => event)).to.include('family.reuse')
  })

  it('answers without the audit log where only that does not answer, and says so', async () => {
    const s = await session()
    const { database } = s.keyturn.stores
    await database.query('alter table audit_events rename to audit_events_away')
    await database.query(
      `create view audit_events as select * from audit_events_away where (select pg_terminate_backend(pg_backend_pid()))`,
    )
    const explained = await s.ask(s.first)
    await database.query('drop view audit_events')
    await database.query('alter table audit_events_away rename to audit_events')
    expect(explained).to.deep.include({ outcome: 'rotated', events: [] })
    expect(explained.note).to.match(/audit log did not answer/)
    const complete = await s.ask(s.first)
    expect(complete.events, 'control').to.have.length(1)
    expect(complete).not.to.have.property('note')
  })

  const ends: [
    why: string,
    end: (s: Awaited<ReturnType<typeof session>>) => Promise<unknown>,
    says: RegExp,
  ][] = [
    ['revoked', (s) => s.keyturn.post('/oauth/revoke', { token: s.first }, s.client), /ended \(revoked/],
    [
      'its user disabled',
      async (s) => (await s.keyturn.administration.users()).disable('alice', 'operator'),
      /ended \(user_disabled/,
    ],
    [
      'its client disabled',
      async (s) => (await s.keyturn.administration.clients()).disable(s.client.id, 'operator'),
      /client .* is disabled/,
    ],
    [
      'all of its client ended',
      async (s) => (await s.keyturn.administration.sessions()).endOfClient(s.client.id, 'operator'),
      /ended \(client_ended/,
    ],
  ]
  for (const [why, end, says] of ends) {
    it(`names the reason: ${why}`, async () => {
      const s = await session()
      await end(s)
      const explained = await s.ask(s.first)
      expect(explained.outcome).to.equal('revoked')
      expect(explained.because).to.match(says)
      expect((await s.ask(s.access)).outcome).to.equal('inactive')
    })
  }

  it('names the reason: not used for too long', async () => {
    const s = await session()
    s.clock.advance(15 * 24 * 3600 * 1000)
    expect((await s.ask(s.first)).outcome).to.equal('expired')
  })

  it('tells of an access token, live and expired, and of the ids in it', async () => {
    const s = await session()
    const { sid, fid } = decodeJwt(s.access) as Record<'sid' | 'fid', string>
    expect(await s.ask(s.access)).to.deep.include({ kind: 'access_token', outcome: 'active' })
    expect(await s.ask(sid)).to.deep.include({ kind: 'session', outcome: 'active' })
    expect(await s.ask(fid)).to.deep.include({ kind: 'family', outcome: 'active' })
    s.clock.advance(600_000)
    expect(await s.ask(s.access)).to.deep.include({ outcome: 'inactive', because: 'it has expired' })
  })

  it('what is not ours is told apart from what is no token at all', async () => {
    const s = await session()
    const altered = `${s.first.slice(0, -1)}${s.first.endsWith('A') ? 'B' : 'A'}`
    expect((await s.ask(altered)).outcome).to.equal('unknown')
    const [head, body] = s.access.split('.')
    expect((await s.ask(`${head}.${body}.${'A'.repeat(342)}`)).because).to.match(/no key that is published/)
    for (const text of ['nonsense', 'AAAAAAAAAAAAAAAAAAAAAA']) {
      const refused = await s.ask(text).catch((error: Error) => error)
      expect(refused).to.include({ name: 'Refusal', code: 'not_explainable' })
    }
  })
})

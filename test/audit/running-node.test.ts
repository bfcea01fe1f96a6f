import { expect } from 'chai'
import { listen } from '../../src/drain.ts'
import { MODES, startApp, type TestApp } from '../support/app.ts'
import { until } from '../support/until.ts'

interface Row {
  readonly event: string
  readonly actor: string
  readonly user_id: string | null
  readonly client_id: string | null
  readonly address: string | null
  readonly request_id: string | null
  readonly details: Record<string, unknown>
}

const refusals = (keyturn: TestApp) =>
  keyturn.stores.database.query<Row>("select * from audit_events where event = 'login.refused' order by id")

for (const mode of MODES) {
  describe(`the audit log of a running node (${mode})`, () => {
    it('is chained within a second or so by itself, and holds', async () => {
      const keyturn = await startApp({ mode })
      const client = await keyturn.createClient()
      await keyturn.createUser('alice')
      await keyturn.signIn(client, 'alice')
      const { database } = keyturn.stores
      await until(
        async () => (await database.query('select from audit_events where position is null')).length === 0,
      )
      const audit = await keyturn.administration.audit()
      const first = await audit.verify({})
      const second = await audit.verify({ next: first.next })
      expect([first.findings, second.findings, second.next]).to.deep.equal([[], [], undefined])
      const rows = await database.query('select from audit_events')
      expect(second.rows).to.equal(rows.length).and.to.be.greaterThan(3)
      const metrics = await fetchMetrics(keyturn)
      expect(metrics).to.match(/^keyturn_audit_unchained 0$/m)
    })
  })
}

describe('refused logins in the audit log', () => {
  it('are a row a user, and one a network for names that are nobody’s, with their number and without the name', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const client = await keyturn.createClient()
    const alice = await keyturn.createUser('alice')
    for (let attempt = 0; attempt < 5; attempt++) {
      await keyturn.signIn(client, 'alice', { password: 'wrong' })
      await keyturn.signIn(client, `hunter${attempt}`, { password: 'wrong' })
    }
    await keyturn.app.close()
    const rows = await refusals(keyturn)
    const sum = (from: Row[]) => from.reduce((total, { details }) => total + Number(details['count']), 0)
    const known = rows.filter(({ user_id }) => user_id === alice.id)
    const unknown = rows.filter(({ user_id }) => user_id === null)
    expect([sum(known), sum(unknown)]).to.deep.equal([5, 5])
    expect(rows.length, 'the first of each, and the rest of each').to.be.at.most(4)
    for (const { actor, client_id, address, request_id } of rows) {
      expect({ actor, client_id, address }).to.deep.equal({
        actor: `client:${client.id}`,
        client_id: client.id,
        address: '127.0.0.1',
      })
      expect(request_id).to.be.a('string')
    }
    expect(known[0]?.details).to.include({ reason: 'password_wrong' })
    expect(unknown[0]?.details).to.include({ reason: 'identifier_unknown' })
    expect(JSON.stringify(rows)).not.to.include('hunter')
  })

  it('control: a login that succeeds leaves none', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const client = await keyturn.createClient()
    await keyturn.createUser('alice')
    expect((await keyturn.signIn(client, 'alice')).status).to.equal(200)
    await keyturn.app.close()
    expect(await refusals(keyturn)).to.deep.equal([])
  })

  it('are answered as ever where they cannot be written', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const client = await keyturn.createClient()
    await keyturn.createUser('alice')
    const { database } = keyturn.stores
    await database.query("alter table audit_events add constraint none check (event <> 'login.refused')")
    expect((await keyturn.signIn(client, 'alice', { password: 'wrong' })).status).to.equal(400)
    await keyturn.app.close()
    const said = keyturn.logger.lines.filter(({ message }) => message === 'counted events not written yet')
    expect(said.map(({ level }) => level)).to.deep.equal(['warn'])
    await database.query('alter table audit_events drop constraint none')
  })
})

async function fetchMetrics(keyturn: TestApp): Promise<string> {
  const { metricsServer } = keyturn.app
  await listen(metricsServer, 0, '127.0.0.1')
  const address = metricsServer.address()
  const port = typeof address === 'object' ? address?.port : 0
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  metricsServer.close()
  metricsServer.closeAllConnections()
  return text
}

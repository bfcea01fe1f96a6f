import { expect } from 'chai'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'
import { connectRaw, FORM, type RawConnection, request } from '../support/raw-http.ts'

/** The shortest that there is: a process has stood still after a quarter of it. */
const RETRY_WINDOW_SECONDS = 31
const LOCKED = 'lock table clients in access exclusive mode'

describe('a refresh that nobody waits for any more', () => {
  let keyturn: TestApp
  let client: TestClient
  let first: string
  let connection: RawConnection
  beforeEach(async () => {
    keyturn = await startApp({
      environment: { KEYTURN_REFRESH_RETRY_WINDOW: String(RETRY_WINDOW_SECONDS) },
    })
    client = await keyturn.createClient()
    await keyturn.createUser('alice')
    first = (await keyturn.signIn(client, 'alice')).body.refresh_token
    connection = await connectRaw(keyturn.origin)
  })
  afterEach(() => connection.close())

  function send(): void {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: first,
      client_id: client.id,
      client_secret: client.secret ?? '',
    })
    connection.write(request('POST /oauth/token', [FORM], String(body)))
  }

  /** The last refusal in the log. */
  const refusal = () => keyturn.logger.lines.findLast(({ message }) => message === 'refused')?.fields
  async function generation(): Promise<number> {
    const [row] = await keyturn.stores.database.query<{ generation: number }>(
      'select generation from refresh_families',
    )
    return row?.generation ?? 0
  }

  it('R-21 uses nothing up where the client has hung up before its turn came', async () => {
    await keyturn.stores.database.transaction(async (transaction) => {
      await transaction.query(LOCKED)
      send()
      connection.end()
      await connection.ended // the node has seen it, and has hung up as well
    })
    await keyturn.get('/livez')
    while (refusal() === undefined) await keyturn.get('/livez')
    expect(refusal()).to.include({ status: 503, reason: 'unavailable_request' })
    expect(await generation()).to.equal(1)
    // The control: the same wait without hanging up.
    connection = await connectRaw(keyturn.origin)
    await keyturn.stores.database.transaction(async (transaction) => {
      await transaction.query(LOCKED)
      send()
      await keyturn.get('/livez')
    })
    expect((await connection.next())?.status).to.equal(200)
    expect(await generation()).to.equal(2)
  })

  it('F-103 ends no session after its process stood still: the client has refreshed elsewhere since', async () => {
    let token = first
    for (let times = 2; times > 0; times--) token = (await keyturn.refresh(client, token)).body.refresh_token
    send()
    standStill((RETRY_WINDOW_SECONDS * 1000) / 4 + 50)
    const answer = await connection.next()
    expect([answer?.status, answer?.header('retry-after')]).to.deep.equal([503, '1'])
    expect(await generation()).to.equal(3)
  })

  it('F-103 control: without a standstill the same request is a replay', async () => {
    let token = first
    for (let times = 2; times > 0; times--) token = (await keyturn.refresh(client, token)).body.refresh_token
    send()
    standStill(50)
    expect((await connection.next())?.status).to.equal(400)
  })
})

/** Nothing happens in this process meanwhile. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

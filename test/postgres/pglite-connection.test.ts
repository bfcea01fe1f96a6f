import { expect } from 'chai'
import pg from 'pg'
import { type Backend, PgliteConnection } from '../../src/postgres/pglite-connection.ts'
import { isOutage } from '../../src/postgres/sql-state.ts'

/** AuthenticationOk and ReadyForQuery: enough for `pg` to call itself connected. */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
const STARTUP = Buffer.from([0, 0, 0, 8, 0, 3, 0, 0])
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])

/** An engine reduced to what a connection sees of it: it counts who holds it and answers what it is told to. */
function scriptedBackend(answer: (messages: Buffer) => Buffer): Backend & { held: number; ran: Buffer[] } {
  const backend = {
    held: 0,
    ran: [] as Buffer[],
    async acquire() {
      backend.held++
      return {
        release: () => {
          backend.held--
        },
      }
    },
    async run(messages: Buffer) {
      backend.ran.push(messages)
      return answer(messages)
    },
  }
  return backend
}

/** Lets every callback that is due run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a connection to PGlite', () => {
  it('breaks as a server that went away does when the engine breaks', async () => {
    const backend = scriptedBackend((messages) => {
      if (messages[0] === 0) return WELCOME
      throw new Error('unreachable executed')
    })
    const client = new pg.Client({
      stream: () => new PgliteConnection(backend),
      user: 'a',
      password: '',
      ssl: false,
    })
    client.on('error', () => {})
    await client.connect()
    const failure = await client.query('select 1').catch((error: Error) => error)
    expect(isOutage(failure), String(failure)).to.equal(true)
    await settle()
    expect(backend.held).to.equal(0)
  })

  it('runs a message only when all of it has arrived, however it is cut', async () => {
    const backend = scriptedBackend((messages) => (messages[0] === 0 ? WELCOME : Buffer.from(messages)))
    const connection = new PgliteConnection(backend)
    connection.resume()
    for (const byte of Buffer.concat([STARTUP, SYNC, SYNC])) {
      connection.write(Buffer.from([byte]))
      await settle()
    }
    expect(backend.ran).to.deep.equal([STARTUP, SYNC, SYNC])
    connection.destroy()
  })

  it('holds the writer back while nobody reads', async () => {
    const large = Buffer.alloc(1_000_000, 1)
    const backend = scriptedBackend((messages) => (messages[0] === 0 ? WELCOME : large))
    const connection = new PgliteConnection(backend)
    connection.write(STARTUP)
    for (let n = 0; n < 20; n++) connection.write(SYNC)
    await settle()
    expect(connection.readableLength).to.be.below(2 * large.length)
    expect(backend.ran.length).to.be.below(4)

    let received = 0
    connection.on('data', (piece: Buffer) => {
      received += piece.length
    })
    await new Promise((resolve) => connection.end(TERMINATE, () => resolve(undefined)))
    await settle()
    expect(received).to.be.greaterThan(large.length)
    expect(Buffer.concat(backend.ran)).to.deep.equal(
      Buffer.concat([STARTUP, ...Array.from({ length: 20 }, () => SYNC)]),
    )
    expect(backend.held).to.equal(0)
  })

  it('gives the backend back when it is destroyed while it waits for its turn', async () => {
    const backend = scriptedBackend(() => WELCOME)
    let admit = () => {}
    const slow: Backend = {
      run: backend.run,
      acquire: async () => {
        await new Promise<void>((resolve) => {
          admit = resolve
        })
        return backend.acquire()
      },
    }
    const connection = new PgliteConnection(slow)
    connection.write(STARTUP)
    await settle()
    connection.destroy()
    admit()
    await settle()
    expect(backend).to.deep.include({ held: 0, ran: [] })
  })

  it('a message with an impossible length breaks the connection', async () => {
    const backend = scriptedBackend(() => WELCOME)
    const connection = new PgliteConnection(backend)
    connection.resume()
    const failure = new Promise<Error>((resolve) => connection.once('error', resolve))
    connection.write(STARTUP)
    connection.write(Buffer.from([0x51, 0, 0, 0, 1]))
    expect(await failure).to.have.property('code', 'ECONNRESET')
    expect(backend.held).to.equal(0)
  })
})

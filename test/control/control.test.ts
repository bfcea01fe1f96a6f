import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { callControl, NotRunning } from '../../src/control/control-client.ts'
import { type ControlOperations, listenControl } from '../../src/control/control-server.ts'
import { Refusal } from '../../src/refusal.ts'
import { makeLogger } from '../../src/telemetry/logger.ts'
import { Unavailable } from '../../src/unavailable.ts'

describe('the control socket', () => {
  let directory: string
  let path: string
  const servers: { close(): Promise<void> }[] = []
  const lines: string[] = []
  const logger = makeLogger('debug', { write: (line: string) => void lines.push(line) })

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-control-'))
    path = join(directory, 'control.sock')
    lines.length = 0
  })
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
    rmSync(directory, { recursive: true })
  })

  async function listen(operations: ControlOperations): Promise<{ close(): Promise<void> }> {
    const server = await listenControl(path, operations, logger)
    servers.push(server)
    return server
  }

  const failing = (error: Error) => ({ fail: () => Promise.reject(error) })
  const call = (operation: string, input?: unknown) =>
    callControl(path, operation, input).catch((error) => error)

  async function connected(): Promise<Socket> {
    const socket = connect(path)
    await once(socket, 'connect')
    return socket
  }

  async function rawAnswer(request: string | Buffer): Promise<unknown> {
    const socket = await connected()
    const pieces: Buffer[] = []
    socket.on('data', (piece: Buffer) => pieces.push(piece)).on('error', () => {})
    socket.write(request)
    await once(socket, 'close')
    return JSON.parse(Buffer.concat(pieces).toString())
  }

  it('carries what JSON can carry, there and back, up to megabytes', async () => {
    await listen({ echo: async (input) => input })
    for (const value of [{ a: [1, null, 'ü\n\u2028"'] }, 'x', 0, false, null, 'y'.repeat(3_000_000)]) {
      expect(await call('echo', value)).to.deep.equal(value)
    }
    expect(await call('echo')).to.equal(null)
  })

  it('many callers at once each get their own answer', async () => {
    await listen({ echo: async (input) => input })
    const numbers = Array.from({ length: 50 }, (_, n) => n)
    expect(await Promise.all(numbers.map((n) => call('echo', n)))).to.deep.equal(numbers)
  })

  it('a refusal arrives as a refusal, with its code and text', async () => {
    await listen(failing(new Refusal('username_taken', 'the username belongs to another user')))
    const error = await call('fail')
    expect(error).to.be.instanceOf(Refusal).and.include({
      code: 'username_taken',
      message: 'the username belongs to another user',
    })
    expect(lines).to.deep.equal([])
  })

  it('"unavailable" arrives as such, with the part and when to retry', async () => {
    await listen(failing(new Unavailable('hasher', 'queue full', { retryAfterSeconds: 2 })))
    expect(await call('fail'))
      .to.be.instanceOf(Unavailable)
      .and.include({
        part: 'hasher',
        message: 'hasher: queue full',
        retryAfterSeconds: 2,
      })
  })

  it('any other error arrives as an error and is in the log', async () => {
    await listen(failing(new TypeError('x is not a function')))
    const error = await call('fail')
    expect(error).to.be.instanceOf(Error).and.not.instanceOf(Refusal)
    expect(error).to.have.property('message', 'x is not a function')
    expect(lines.join()).to.contain('x is not a function').and.contain('"operation":"fail"')
  })

  it('an operation that is not in the table is refused, whatever objects inherit', async () => {
    await listen({ echo: async (input) => input })
    for (const name of ['users.unknown', 'constructor', '__proto__', 'toString', '']) {
      expect(await call(name), name)
        .to.be.instanceOf(Refusal)
        .with.property('code', 'operation_unknown')
    }
  })

  it('a request that is no request or too large is answered as an error and reaches no operation', async () => {
    let calls = 0
    await listen({ count: async () => ++calls })
    const malformed = ['{\n', '[]\n', 'null\n', '{"operation":5}\n', '\n']
    for (const request of malformed) {
      expect(await rawAnswer(request)).to.deep.equal({ error: 'the request is malformed or too large' })
    }
    const flood = await connected()
    const cutOff = new Promise((resolve) => flood.on('error', () => {}).once('close', resolve))
    flood.write(`{"operation":"count","input":"${'x'.repeat(5_000_000)}"}\n`)
    flood.resume()
    await cutOff
    expect(calls).to.equal(0)
    expect(await rawAnswer('{"operation":"count"}\n')).to.deep.equal({ result: 1 })
  })

  it('what is too large is refused before it is sent, and an answer that is too large is an error', async () => {
    await listen({ large: async () => 'x'.repeat(5_000_000), echo: async (input) => input })
    expect(await call('echo', 'x'.repeat(5_000_000)))
      .to.be.instanceOf(Refusal)
      .with.property('code', 'input_too_large')
    expect(await call('large'))
      .to.have.property('message')
      .that.contains('too large')
  })

  it('only its owner can open it, whatever the umask is', async () => {
    const before = process.umask(0)
    try {
      await listen({})
    } finally {
      process.umask(before)
    }
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(process.umask()).to.equal(before)
  })

  it('"not running" is told apart from every error: no socket, and one that a killed process left', async () => {
    expect(await call('echo')).to.be.instanceOf(NotRunning)

    const child = fork(new URL('./listen-and-hang.ts', import.meta.url), [path], {
      execArgv: ['--import', 'tsx'],
    })
    await once(child, 'message')
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    expect(existsSync(path)).to.equal(true)
    expect(await call('echo')).to.be.instanceOf(NotRunning)

    await listen({ echo: async (input) => input })
    expect(await call('echo', 'alive again')).to.equal('alive again')
  })

  it('a process that ends in the middle of an operation leaves "unknown", never "done" or "not running"', async () => {
    const child = fork(new URL('./listen-and-hang.ts', import.meta.url), [path], {
      execArgv: ['--import', 'tsx'],
    })
    await once(child, 'message')
    const started = once(child, 'message')
    const answer = call('hang')
    await started
    child.kill('SIGKILL')
    expect(await answer)
      .to.be.instanceOf(Unavailable)
      .with.property('part', 'control')
  })

  it('does not take the socket from a living process', async () => {
    await listen({ who: async () => 'first' })
    const second = await listenControl(path, { who: async () => 'second' }).catch((error: Error) => error)
    expect(second).to.be.instanceOf(Refusal).with.property('code', 'control_socket_in_use')
    expect(await call('who')).to.equal('first')
  })

  it('does not replace or write to what is not a socket', async () => {
    writeFileSync(path, 'somebody’s file')
    expect(await call('echo'))
      .to.be.instanceOf(Refusal)
      .with.property('code', 'control_socket_untrusted')
    expect(await listenControl(path, {}).catch((error: Error) => error)).to.be.instanceOf(Refusal)
    expect(statSync(path).isFile()).to.equal(true)
  })

  it('close lets a running operation finish, sends away who asks nothing, and removes the socket', async () => {
    let finish = (_value: string) => {}
    let begun = () => {}
    const running = new Promise<void>((resolve) => {
      begun = resolve
    })
    const server = await listen({
      slow: () =>
        new Promise((resolve) => {
          finish = resolve
          begun()
        }),
    })
    const silent = await connected()
    const gone = once(silent, 'close')
    const answer = call('slow')
    await running
    const closing = server.close()
    finish('done')
    expect(await answer).to.equal('done')
    await closing
    await gone
    expect(existsSync(path)).to.equal(false)
    expect(await call('slow')).to.be.instanceOf(NotRunning)
    servers.length = 0
  })

  it('a caller that goes away does not stop what it asked for, nor the server', async () => {
    let finished = (_done: string) => {}
    const result = new Promise<string>((resolve) => {
      finished = resolve
    })
    let begun = () => {}
    const running = new Promise<void>((resolve) => {
      begun = resolve
    })
    let proceed = () => {}
    await listen({
      slow: async () => {
        begun()
        await new Promise<void>((resolve) => {
          proceed = resolve
        })
        finished('done')
      },
      echo: async (input) => input,
    })
    const socket = await connected()
    socket.write('{"operation":"slow"}\n')
    await running
    socket.destroy()
    await once(socket, 'close')
    proceed()
    expect(await result).to.equal('done')
    expect(await call('echo', 1)).to.equal(1)
  })
})

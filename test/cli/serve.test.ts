import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { type KeyturnProcess, runKeyturn, startKeyturn } from '../support/keyturn-process.ts'

const POLL_MS = 20
/** Lets two errors go astray when it is told to. */
const STRAY = `data:text/javascript,${encodeURIComponent(`
  process.on('SIGUSR2', () => {
    Promise.reject(new Error('a stray rejection'))
    setTimeout(() => { throw new Error('a stray exception') })
  })`)}`

describe('keyturn serve', () => {
  it('prints the demo accounts at the first start, and the same ones at the second', async () => {
    const first = await startKeyturn()
    await until(() => first.stdout().includes('Stop with Ctrl-C'))
    expect(first.stdout()).to.include(first.origin.replace('127.0.0.1', 'localhost'))
    expect(await first.stop()).to.equal(0)
    const second = await startKeyturn({ cwd: first.directory })
    await until(() => second.stdout().includes('Stop with Ctrl-C'))
    const accounts = (text: string) => text.split('\n').filter((line) => /^ {2}\w/.test(line))
    expect(accounts(second.stdout())).to.have.length(6).and.to.deep.equal(accounts(first.stdout()))
  })

  it('--json prints one document, with the accounts in it, once it answers', async () => {
    const keyturn = await startKeyturn({ args: ['--json'] })
    await until(() => keyturn.stdout().endsWith('\n'))
    const document = JSON.parse(keyturn.stdout())
    expect(document).to.have.all.keys('issuer', 'mode', 'demo')
    expect(document.mode).to.equal('embedded')
    expect(document.demo).to.include.keys('username', 'password', 'client_id', 'client_secret')
    expect(await keyturn.stop('SIGINT')).to.equal(0)
    expect(JSON.parse(keyturn.stdout())).to.deep.equal(document)
  })

  it('makes no accounts where embedded mode was asked for by name', async () => {
    const keyturn = await startKeyturn({ env: { KEYTURN_EMBEDDED: '1' } })
    await until(() => keyturn.stdout().endsWith('\n'))
    expect(keyturn.stdout()).to.match(/^Keyturn is running at http:\/\/localhost:\d+\n$/)
    const { stdout } = await runKeyturn(['users', 'list', '--json'], {
      cwd: keyturn.directory,
      env: { KEYTURN_EMBEDDED: '1' },
    })
    expect(stdout).to.equal('[]\n')
  })

  it('a Ctrl-C that npm hands on a second time is one', async () => {
    const keyturn = await startKeyturn()
    const { finish } = await holdRequest(keyturn)
    keyturn.signal('SIGINT')
    const ended = keyturn.stop('SIGINT')
    await stopsListening(keyturn)
    expect(await finish()).to.match(/^HTTP\/1\.1 400 /)
    expect(await ended).to.equal(0)
  })

  it('a request that is under way is answered before it ends', async () => {
    const keyturn = await startKeyturn()
    const { finish } = await holdRequest(keyturn)
    const ended = keyturn.stop()
    await stopsListening(keyturn)
    expect(await finish()).to.match(/^HTTP\/1\.1 400 /)
    expect(await ended).to.equal(0)
  })

  it('a second signal ends it at once with 1, whatever is under way', async () => {
    const keyturn = await startKeyturn()
    await holdRequest(keyturn)
    let code: number | undefined
    void keyturn.stop().then((ended) => {
      code = ended
    })
    await until(() => {
      keyturn.signal('SIGTERM')
      return code !== undefined
    })
    expect(code).to.equal(1)
  })

  it('a port that is taken is refused with the variable that helps', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const env = { KEYTURN_PORT: String(port), KEYTURN_METRICS_PORT: '0' }
    const { code, stdout, stderr } = await runKeyturn(['serve', '--json'], { env })
    other.close()
    expect(code).to.equal(1)
    expect(JSON.parse(stdout).error).to.equal('port_taken')
    expect(stderr).to.include(String(port)).and.to.include('KEYTURN_PORT')
  })

  it('G7 an error that nobody caught is logged and ends nothing', async () => {
    const keyturn = await startKeyturn({
      env: { NODE_OPTIONS: `--import=${STRAY}`, KEYTURN_LOG_LEVEL: 'error' },
    })
    keyturn.signal('SIGUSR2')
    await until(
      () => /a stray rejection/.test(keyturn.stderr()) && /a stray exception/.test(keyturn.stderr()),
    )
    for (const line of keyturn.stderr().trimEnd().split('\n'))
      expect(JSON.parse(line).level).to.equal('error')
    expect((await fetch(`${keyturn.origin}/readyz`)).status).to.equal(200)
    expect(await keyturn.stop()).to.equal(0)
  })

  it('G7 control: the same error ends a program that does not mind it', async () => {
    const program = "setInterval(() => {}, 1000); process.kill(process.pid, 'SIGUSR2')"
    const child = spawn(process.execPath, ['--import', STRAY, '-e', program], { stdio: 'ignore' })
    const [code] = await once(child, 'exit')
    expect(code).to.equal(1)
  })
})

/** A request that has been begun, and waits for the rest of its body. */
async function holdRequest(keyturn: KeyturnProcess): Promise<{ finish(): Promise<string> }> {
  const socket = connect(Number(new URL(keyturn.origin).port), '127.0.0.1')
  socket.on('error', () => {})
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text
  })
  await once(socket, 'connect')
  const head = [
    'POST /oauth/token HTTP/1.1',
    'host: localhost',
    'content-type: application/x-www-form-urlencoded',
  ]
  // The server says "continue" once it has the request: from then on it is under way.
  socket.write(`${[...head, 'content-length: 12', 'expect: 100-continue'].join('\r\n')}\r\n\r\n`)
  await until(() => answer.startsWith('HTTP/1.1 100'))
  return {
    async finish() {
      answer = ''
      const closed = once(socket, 'close')
      socket.write('grant_type=x')
      await closed
      return answer.trimStart()
    },
  }
}

/** Resolves once new connections are refused. */
async function stopsListening(keyturn: KeyturnProcess): Promise<void> {
  await until(() =>
    fetch(`${keyturn.origin}/livez`).then(
      () => false,
      () => true,
    ),
  )
}

/** Asks until it is so; the test's own time limit ends it otherwise. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(POLL_MS)
}

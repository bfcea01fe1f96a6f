import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { type KeyturnProcess, runKeyturn, startKeyturn } from '../support/keyturn-process.ts'

const run = promisify(execFile)

/** What the demo prints to be pasted, by the number that stands above it. */
function pasteLines(keyturn: KeyturnProcess): string[] {
  return keyturn
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('curl '))
}

async function paste(line: string) {
  const { stdout } = await run('bash', ['-c', line])
  return JSON.parse(stdout)
}

/** The demo client's refresh token, by the line that signs in. */
async function signIn(keyturn: KeyturnProcess) {
  return paste(pasteLines(keyturn)[1] ?? '')
}

/** The line that refreshes, with a token of ours in place of the one that it fetches. */
function refreshWith(keyturn: KeyturnProcess, token: string): string {
  return (pasteLines(keyturn)[2] ?? '').replace(/refresh_token="\$\(.*\)"$/, `refresh_token=${token}`)
}

describe('keyturn serve, embedded', () => {
  it('prints four lines that work pasted, and ends with 0 at SIGTERM', async () => {
    const keyturn = await startKeyturn()
    const lines = pasteLines(keyturn).map((line) => line.replaceAll('http://localhost:', 'http://127.0.0.1:'))
    expect(lines).to.have.length(4)
    const [keys, tokens, refreshed, introspected] = await Promise.all(lines.map(paste))
    expect(keys.keys).to.have.length(2)
    expect(tokens).to.include.all.keys('access_token', 'refresh_token')
    expect(refreshed).to.include.all.keys('access_token', 'refresh_token')
    expect(introspected).to.include({ active: true, username: 'alice' })
    expect(await keyturn.stop()).to.equal(0)
  })

  it('users, sessions and keys are there after a restart, and the demo accounts are the same', async () => {
    const first = await startKeyturn()
    const before = await signIn(first)
    const created = await runKeyturn(['users', 'create', 'bob', '--password-stdin', '--json'], {
      cwd: first.directory,
      stdin: 'a password of bob’s\n',
    })
    expect(created.code, created.stderr).to.equal(0)
    const keysBefore = await (await fetch(`${first.origin}/.well-known/jwks.json`)).text()
    expect(await first.stop()).to.equal(0)

    const environment = { KEYTURN_PORT: new URL(first.origin).port }
    const second = await startKeyturn({ cwd: first.directory, env: environment })
    expect(pasteLines(second)).to.deep.equal(pasteLines(first))
    expect(await (await fetch(`${second.origin}/.well-known/jwks.json`)).text()).to.equal(keysBefore)
    const after = await paste(refreshWith(second, before.refresh_token))
    expect(after).to.include.all.keys('access_token', 'refresh_token')
    const listed = await runKeyturn(['users', 'list', '--json'], { cwd: second.directory })
    expect(JSON.parse(listed.stdout).map(({ username }: { username: string }) => username)).to.deep.equal([
      'alice',
      'bob',
    ])
  })

  it('what was acknowledged survives kill -9, and a spent token is still spent', async () => {
    const first = await startKeyturn()
    const { refresh_token: spent } = await signIn(first)
    const second = await paste(refreshWith(first, spent))
    const third = await paste(refreshWith(first, second.refresh_token))
    await first.stop('SIGKILL')
    const again = await startKeyturn({
      cwd: first.directory,
      env: { KEYTURN_PORT: new URL(first.origin).port },
    })
    expect(await paste(refreshWith(again, third.refresh_token))).to.have.property('refresh_token')
    expect(await paste(refreshWith(again, spent))).to.include({ error: 'invalid_grant' })
  })

  it('a port that is taken, or a data directory in use, is said and nothing is harmed', async () => {
    const running = await startKeyturn()
    const samePort = await runKeyturn(['serve'], {
      env: { KEYTURN_PORT: new URL(running.origin).port, KEYTURN_METRICS_PORT: '0' },
    })
    expect(samePort.code).to.equal(1)
    expect(samePort.stderr).to.contain('KEYTURN_PORT')
    const sameDirectory = await runKeyturn(['serve'], {
      cwd: running.directory,
      env: { KEYTURN_PORT: '0', KEYTURN_METRICS_PORT: '0', KEYTURN_ISSUER: 'http://localhost:7600' },
    })
    expect(sameDirectory.code).to.equal(1)
    expect(sameDirectory.stderr).to.contain('in use')
    expect((await fetch(`${running.origin}/readyz`)).status).to.equal(200)
  })

  it('metrics are on their own listener only', async () => {
    const keyturn = await startKeyturn()
    await signIn(keyturn)
    const metrics = await (await fetch(`${keyturn.metricsOrigin}/metrics`)).text()
    expect(metrics).to.match(/keyturn_tokens_issued_total\{grant="password"\} 1/)
    expect((await fetch(`${keyturn.origin}/metrics`)).status).to.equal(404)
  })
}).timeout(90_000)

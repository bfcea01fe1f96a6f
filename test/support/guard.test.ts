import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { startGuard } from './guard.ts'
import { serverDirectory, serverUser } from './server-user.ts'

const CHILD = fileURLToPath(new URL('guard.child.ts', import.meta.url))
/** More than the guard takes on a busy machine. */
const LIMIT_MS = 15_000

describe('a server of the tests', () => {
  it('stops, and its directory goes, though the run was killed with SIGKILL', async () => {
    const runner = spawn(process.execPath, ['--import', 'tsx', CHILD], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    runner.stdout.on('data', (text) => {
      said += text
    })
    expect(await once(runner, 'close')).to.deep.equal([null, 'SIGKILL'])
    const { pid, directory } = JSON.parse(said) as { pid: number; directory: string }
    const deadline = performance.now() + LIMIT_MS
    while ((isRunning(pid) || existsSync(directory)) && performance.now() < deadline) await delay(10)
    expect([isRunning(pid), existsSync(directory)]).to.deep.equal([false, false])
  })

  it('stops though it is paused, and runs until it is told to', async () => {
    const directory = serverDirectory('guard-test')
    const sleep = { command: '/bin/sleep', arguments: ['600'], environment: process.env, user: serverUser() }
    const server = await startGuard({ ...sleep, directory, removeDirectory: true, stopSignal: 'TERM' })
    server.signal('SIGSTOP')
    expect(isRunning(server.pid)).to.equal(true)
    await server.stop()
    expect(await server.ended).to.equal(128 + 15)
    expect([isRunning(server.pid), existsSync(directory)]).to.deep.equal([false, false])
  })
})

/** A dead process that nobody has asked about yet is not running. */
function isRunning(pid: number): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !/\) [ZX] /.test(readFileSync(path, 'utf8'))
}

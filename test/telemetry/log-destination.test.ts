import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, createReadStream, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { afterwards } from '../support/root-hooks.ts'

/** Twice as much as may wait. */
const MANY = 8000

describe('F-513 the log on stderr', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-log-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  function opened(path: string, flags: string | number): number {
    const fd = openSync(path, flags)
    afterwards(async () => closeSync(fd))
    return fd
  }

  /** Starts a program that logs to this descriptor. */
  async function start(stderr: number | 'pipe'): Promise<ChildProcess> {
    const child = fork(new URL('./write-log.child.ts', import.meta.url), {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', stderr, 'ipc'],
    })
    afterwards(async () => void child.kill('SIGKILL'))
    await once(child, 'message')
    return child
  }

  async function log(child: ChildProcess, lines: number): Promise<void> {
    const written = once(child, 'message')
    child.send(lines)
    await written
  }

  async function end(child: ChildProcess): Promise<number> {
    const ended = once(child, 'exit')
    child.send(0)
    return (await ended)[0]
  }

  it('arrives line by line, in order', async () => {
    const path = join(directory, 'log')
    const child = await start(opened(path, 'w'))
    await log(child, 100)
    expect(await end(child)).to.equal(7)
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).number)).to.deep.equal(
      Array.from({ length: 100 }, (_, n) => n),
    )
  })

  it('a full disk stops nothing, neither while it runs nor when it ends', async () => {
    const child = await start(opened('/dev/full', 'w'))
    await log(child, 1000)
    await log(child, 1000)
    expect(await end(child)).to.equal(7)
  })

  it('a reader that has gone stops nothing', async () => {
    const child = await start('pipe')
    child.stderr?.destroy()
    await log(child, 1000)
    expect(await end(child)).to.equal(7)
  })

  it('a pipe that nobody empties stops nothing; once somebody does, what was lost is counted', async () => {
    const path = join(directory, 'pipe')
    execFileSync('mkfifo', [path])
    // Opened for both, or opening would wait for the other side.
    const pipe = opened(path, constants.O_RDWR)
    const child = await start(pipe)
    await log(child, MANY)
    await log(child, 1)

    const reader = createReadStream(path)
    let arrived = 0
    let lost = 0
    for await (const line of createInterface({ input: reader })) {
      const { lines } = JSON.parse(line) as { lines?: number }
      if (lines === undefined) arrived++
      else lost += lines
      if (arrived + lost === MANY + 1) break
    }
    reader.destroy()
    expect(lost).to.be.greaterThan(MANY / 4)
    expect(arrived).to.be.greaterThan(MANY / 4)
    expect(await end(child)).to.equal(7)
  })

  it('a program may end while the pipe is full', async () => {
    const path = join(directory, 'pipe')
    execFileSync('mkfifo', [path])
    const pipe = opened(path, constants.O_RDWR)
    const child = await start(pipe)
    await log(child, MANY)
    expect(await end(child)).to.equal(7)
  })
})

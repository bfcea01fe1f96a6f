import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { lockDirectory } from '../../src/embedded/directory-lock.ts'
import { announcePresence, livenessOf } from '../../src/embedded/presence.ts'
import { Refusal } from '../../src/refusal.ts'

describe('the lock on the data directory', () => {
  let directory: string
  const children: ChildProcess[] = []

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-lock-'))
  })
  afterEach(async () => {
    await Promise.all(children.splice(0).map(kill))
    rmSync(directory, { recursive: true })
  })

  async function startHolder(): Promise<ChildProcess> {
    const child = fork(new URL('./hold-directory.ts', import.meta.url), { execArgv: ['--import', 'tsx'] })
    children.push(child)
    await once(child, 'message')
    return child
  }

  it('a second process is refused and told who holds the directory', async () => {
    const holder = await startHolder()
    expect(await ask(holder, directory)).to.equal('taken')

    const failure = await lockDirectory(directory).catch((error: Error) => error)
    expect(failure).to.be.instanceOf(Refusal).with.property('code', 'data_directory_in_use')
    expect(failure).to.have.property('message').that.contains(`in use by process ${holder.pid}:`)
  })

  it('the same process cannot take it twice, and can once it has given it back', async () => {
    const lock = await lockDirectory(directory)
    expect(await lockDirectory(directory).catch((error: Refusal) => error.code)).to.equal(
      'data_directory_in_use',
    )
    lock.release()
    const again = await lockDirectory(directory)
    again.release()
  })

  it('the lock of a process that was killed is taken over, and nothing of it stays', async () => {
    const holder = await startHolder()
    await ask(holder, directory)
    await kill(holder)

    const lock = await lockDirectory(directory)
    expect(readdirSync(directory).filter((name) => name.startsWith('lock'))).to.have.length(1)
    expect(readdirSync(directory).filter((name) => name.startsWith('alive'))).to.deep.equal([
      readdirSync(directory).find((name) => name.startsWith(`alive-${process.pid}-`)),
    ])
    expect(await ask(await startHolder(), directory)).to.equal('data_directory_in_use')
    lock.release()
  })

  it('of several processes that take over from a killed one at once, exactly one wins', async () => {
    const holder = await startHolder()
    await ask(holder, directory)
    await kill(holder)
    const racers = await Promise.all([startHolder(), startHolder(), startHolder()])

    for (let round = 0; round < 50; round++) {
      const copy = join(directory, String(round))
      mkdirSync(copy)
      cpSync(join(directory, 'lock.1'), join(copy, 'lock.1'))
      const outcomes = await Promise.all(racers.map((racer) => ask(racer, copy)))
      expect(outcomes.sort()).to.deep.equal(['data_directory_in_use', 'data_directory_in_use', 'taken'])
    }
  })

  it('whoever looked before others took over, with or without giving back, is refused while one of them holds it', async () => {
    await abandonLock(directory)
    // While the last one looks at the dead holder, two others come and go and a third one stays.
    let visitors = 0
    const late = lockDirectory(directory, async (holder, where) => {
      const seen = await livenessOf(holder, where)
      for (; visitors < 2; visitors++) (await lockDirectory(directory)).release()
      if (visitors++ === 2) await lockDirectory(directory)
      return seen
    })
    expect(await late.catch((error: Refusal) => error.code)).to.equal('data_directory_in_use')
    expect(visitors).to.be.greaterThan(2)
  })

  it('a pid that another process has got meanwhile does not keep the lock', async () => {
    const presence = await announcePresence(directory)
    const { holder } = presence
    expect(await livenessOf(holder, directory)).to.equal('alive')
    expect(await livenessOf({ ...holder, startedAt: '1' }, directory)).to.equal('gone')
    presence.end()
  })

  it('a holder in another container is seen through its socket, whatever its pid is here', async () => {
    const child = await startHolder()
    await ask(child, directory)
    const { holder } = JSON.parse(readFileSync(join(directory, 'lock.1'), 'utf8'))
    const elsewhere = { ...holder, pid: 1, startedAt: '1', pidNamespace: 'another-boot pid:[1]' }
    expect(await livenessOf(elsewhere, directory)).to.equal('alive')
    await kill(child)
    expect(await livenessOf(elsewhere, directory)).to.equal('gone')
    expect(await livenessOf({ ...elsewhere, socket: null }, directory)).to.equal('unknown')
  })

  it('works where the path is too long for a socket', async () => {
    const deep = join(directory, 'd'.repeat(120), 'e'.repeat(120))
    mkdirSync(deep, { recursive: true })
    const presence = await announcePresence(deep)
    expect(presence.holder.socket).to.be.a('string')
    expect(await livenessOf({ ...presence.holder, pidNamespace: 'another' }, deep)).to.equal('alive')
    presence.end()
    expect(await livenessOf({ ...presence.holder, pidNamespace: 'another' }, deep)).to.equal('gone')
  })

  it('a lock file that says nothing is not taken over: the refusal names the file', async () => {
    writeFileSync(join(directory, 'lock.7'), '')
    const failure = await lockDirectory(directory).catch((error: Error) => error)
    expect(failure).to.be.instanceOf(Refusal).with.property('code', 'data_directory_locked')
    expect(failure).to.have.property('message').that.contains(join(directory, 'lock.7'))
  })
})

/** Leaves the lock of a process that does not exist. */
async function abandonLock(directory: string): Promise<void> {
  const presence = await announcePresence(directory)
  presence.end()
  const holder = { ...presence.holder, startedAt: '1' }
  writeFileSync(join(directory, 'lock.1'), `${JSON.stringify({ holder })}\n`)
}

async function ask(child: ChildProcess, directory: string): Promise<string> {
  const answer = once(child, 'message')
  child.send(directory)
  const [outcome] = await answer
  return outcome
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

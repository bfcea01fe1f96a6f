import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { systemClock } from '../../src/clock.ts'
import { forkHashProcess } from '../../src/passwords/hash-child.ts'
import type { HashRequest } from '../../src/passwords/hash-process.ts'
import { type Hasher, type HasherOptions, startHasher } from '../../src/passwords/hasher.ts'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { makeLogger } from '../../src/telemetry/logger.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { TestClock } from '../support/clock.ts'

const PASSWORD = 'correct horse battery staple'

describe('the hasher', () => {
  let stored: string
  const hashers: Hasher[] = []
  let started: ChildProcess[] = []
  /** Jobs that were sent to a process and not yet answered: now, and the most there ever were. */
  let open = { now: 0, most: 0 }
  let requests: HashRequest[] = []

  before(async () => {
    stored = await passwordHashing().hash(PASSWORD)
  })
  beforeEach(() => {
    started = []
    open = { now: 0, most: 0 }
    requests = []
  })
  afterEach(async () => {
    await Promise.all(hashers.splice(0).map((hasher) => hasher.close()))
  })

  /** Starts real processes, and keeps count of what passes between them and us. */
  function start(options: Partial<HasherOptions> = {}): Hasher {
    const hasher = startHasher({
      concurrency: 2,
      clock: new TestClock(),
      startProcess: startObserved,
      ...options,
    })
    hashers.push(hasher)
    return hasher
  }

  function startObserved(): ChildProcess {
    const child = forkHashProcess()
    started.push(child)
    const send = child.send.bind(child)
    child.send = ((request: HashRequest, callback: (error: Error | null) => void) => {
      requests.push(request)
      open.most = Math.max(open.most, ++open.now)
      return send(request, callback)
    }) as ChildProcess['send']
    child.on('message', () => open.now--)
    return child
  }

  it('hashes and checks in another process', async () => {
    const hasher = start()
    const hash = await hasher.hash(PASSWORD)
    expect(hash).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await hasher.verify(PASSWORD, hash)).to.deep.equal({ outcome: 'match', rehash: false })
    expect(await hasher.verify('something else', hash)).to.deep.equal({ outcome: 'mismatch' })
    expect(hasher.stats()).to.deep.equal({ running: 0, queued: 0, done: 3, shed: 0 })
    expect(started.map(({ pid }) => pid)).to.not.include(process.pid)
  })

  it('S-110 says when a hash is out of date', async () => {
    const old = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    expect(await start().verify('password', old)).to.deep.equal({ outcome: 'match', rehash: true })
  })

  it('S-104 unknown user, wrong password and unusable hash cost one job each', async () => {
    const hasher = start()
    expect(await hasher.verify(PASSWORD, undefined)).to.deep.equal({ outcome: 'mismatch' })
    expect(await hasher.verify('wrong password', stored)).to.deep.equal({ outcome: 'mismatch' })
    expect(await hasher.verify(PASSWORD, '!unusable')).to.deep.equal({ outcome: 'unusable' })
    expect(hasher.stats().done).to.equal(3)
    expect(requests).to.have.length(3)
  })

  it('S-108 a password that nobody can have is refused without a hash', async () => {
    const hasher = start()
    for (const password of ['x'.repeat(1025), 'y'.repeat(1_000_000), 'a\0b', '']) {
      expect(await hasher.verify(password, stored)).to.deep.equal({ outcome: 'mismatch' })
    }
    expect(requests).to.deep.equal([])
    expect(await hasher.verify('x'.repeat(1024), stored)).to.deep.equal({ outcome: 'mismatch' })
    expect(requests).to.have.length(1)
  })

  it('S-112 a foreign hash in the database is logged, without the hash or the password, and is no error', async () => {
    const lines: string[] = []
    const logger = makeLogger('debug', { write: (line: string) => void lines.push(line) })
    const foreign =
      '$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    expect(await start({ logger }).verify(PASSWORD, foreign)).to.deep.equal({ outcome: 'unusable' })
    expect(lines).to.have.length(1)
    expect(lines[0]).to.contain('cannot be used')
    expect(lines[0]).to.not.contain('argon2id').and.not.contain(PASSWORD)
  })

  it('a user who has no password, in the words of Django, is no news for the log', async () => {
    const lines: string[] = []
    const logger = makeLogger('debug', { write: (line: string) => void lines.push(line) })
    const hasher = start({ logger })
    expect(await hasher.verify(PASSWORD, `!${'x'.repeat(40)}`)).to.deep.equal({ outcome: 'unusable' })
    expect(lines).to.deep.equal([])
    expect(await hasher.verify(PASSWORD, 'x')).to.deep.equal({ outcome: 'unusable' })
    expect(lines, 'the control').to.have.length(1)
  })

  it('S-104 it is told when the hash begins, not when the wait for it does', async () => {
    const hasher = start({ concurrency: 1 })
    const begun: string[] = []
    const first = hasher.verify(PASSWORD, stored, () => begun.push('first'))
    const second = hasher.verify(PASSWORD, undefined, () => begun.push('second'))
    expect(begun).to.deep.equal(['first'])
    await first
    await second
    expect(begun).to.deep.equal(['first', 'second'])
  })

  it('S-111 of 200 logins at once no more than N hash at a time; what does not fit is told when to retry', async () => {
    const hasher = start({ concurrency: 2, queueLimit: 20 })
    const attempts = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) => hasher.verify(n % 2 ? PASSWORD : 'wrong', stored)),
    )
    const answered = attempts.filter(({ status }) => status === 'fulfilled')
    const refused = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []))
    expect(answered).to.have.length(2 + 20)
    expect(refused).to.have.length(178)
    for (const reason of refused) {
      expect(reason).to.be.instanceOf(Unavailable)
      expect(reason).to.include({ part: 'hasher', retryAfterSeconds: 2 })
    }
    expect(open).to.deep.equal({ now: 0, most: 2 })
    expect(started).to.have.length(2)
    expect(hasher.stats()).to.deep.equal({ running: 0, queued: 0, done: 22, shed: 178 })
    expect(await hasher.verify(PASSWORD, stored)).to.have.property('outcome', 'match')
  })

  it('S-111 with N = 4 as many do run at once: the bound is what held before', async () => {
    const hasher = start({ concurrency: 4 })
    await Promise.all(Array.from({ length: 20 }, () => hasher.verify(PASSWORD, stored)))
    expect(open.most).to.equal(4)
  })

  it('F-402 who has waited longer than two seconds is refused, and those after him are still served', async () => {
    const clock = new TestClock()
    const hasher = start({ concurrency: 1, clock })
    const running = hasher.verify(PASSWORD, stored)
    const late = hasher.verify(PASSWORD, stored).catch((error: Error) => error)
    clock.advance(1500)
    const inTime = hasher.verify(PASSWORD, stored)
    clock.advance(600)
    expect(await late)
      .to.be.instanceOf(Unavailable)
      .and.include({ retryAfterSeconds: 2 })
    expect(await running).to.have.property('outcome', 'match')
    expect(await inTime).to.have.property('outcome', 'match')
    expect(hasher.stats()).to.include({ done: 2, shed: 1 })
  })

  it('F-401 a place stays taken until the hash ends, although nobody waits for it', async () => {
    const hasher = start({ concurrency: 1, queueLimit: 1 })
    hasher.verify(PASSWORD, stored).catch(() => {})
    hasher.verify(PASSWORD, stored).catch(() => {})
    expect(hasher.stats()).to.include({ running: 1, queued: 1 })
    expect(await hasher.verify(PASSWORD, stored).catch((error: Error) => error)).to.be.instanceOf(Unavailable)
    await hasher.close()
    expect(open.most).to.equal(1)
  })

  it('a process that is killed in the middle of a hash fails that job as "unavailable" and is replaced', async () => {
    const clock = new TestClock()
    const hasher = start({ concurrency: 1, clock })
    await hasher.verify(PASSWORD, stored)
    const cut = hasher.verify(PASSWORD, stored).catch((error: Error) => error)
    const waiting = hasher.verify(PASSWORD, stored)
    started[0]?.kill('SIGKILL')
    expect(await cut).to.be.instanceOf(Unavailable)
    expect(started).to.have.length(1)
    clock.advance(1000)
    expect(await waiting).to.have.property('outcome', 'match')
    expect(started).to.have.length(2)
  })

  it('processes that die at once are not started faster and faster', async () => {
    const clock = new TestClock()
    const hasher = start({
      concurrency: 1,
      clock,
      startProcess: () => {
        const child = startObserved()
        child.kill('SIGKILL')
        return child
      },
    })
    await once(started[0] as ChildProcess, 'exit')
    const attempts: Promise<unknown>[] = []
    for (let second = 0; second < 60; second++) {
      attempts.push(hasher.verify(PASSWORD, stored).catch((error: Error) => error))
      clock.advance(500)
      const last = started.at(-1)
      if (last && last.exitCode === null && last.signalCode === null) await once(last, 'exit')
      clock.advance(500)
    }
    clock.advance(3000)
    for (const outcome of await Promise.all(attempts)) expect(outcome).to.be.instanceOf(Unavailable)
    expect(started.length).to.be.within(5, 16)
  })

  it('a process that hangs is ended and its job fails', async () => {
    const clock = new TestClock()
    const hasher = start({ concurrency: 1, clock })
    const hung = hasher.verify(PASSWORD, stored).catch((error: Error) => error)
    started[0]?.kill('SIGSTOP')
    clock.advance(121_000)
    expect(await hung).to.be.instanceOf(Unavailable)
    clock.advance(1000)
    expect(await hasher.verify(PASSWORD, stored)).to.have.property('outcome', 'match')
  })

  it('the first process is there before the first login, with a lower priority in all its threads', async () => {
    const hasher = start()
    expect(started).to.have.length(1)
    await hasher.verify(PASSWORD, stored)
    const pid = started[0]?.pid
    const niceness = readdirSync(`/proc/${pid}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]
    })
    expect(niceness.length).to.be.greaterThan(1)
    expect(new Set(niceness)).to.deep.equal(new Set(['10']))
  })

  it('a process inherits no environment and so no secret', async () => {
    const hasher = start()
    await hasher.verify(PASSWORD, stored)
    const environment = readFileSync(`/proc/${started[0]?.pid}/environ`, 'utf8').split('\0').filter(Boolean)
    expect(environment.filter((entry) => !entry.startsWith('NODE_CHANNEL'))).to.deep.equal([
      'UV_THREADPOOL_SIZE=1',
    ])
  })

  it('close finishes what runs, refuses what waits and what comes, and leaves no process', async () => {
    const hasher = start({ concurrency: 1 })
    const running = hasher.verify(PASSWORD, stored)
    const waiting = hasher.verify(PASSWORD, stored).catch((error: Error) => error)
    await hasher.close()
    expect(await running).to.have.property('outcome', 'match')
    expect(await waiting).to.be.instanceOf(Unavailable)
    expect(await hasher.hash(PASSWORD).catch((error: Error) => error)).to.be.instanceOf(Unavailable)
    expect(started.map(({ exitCode }) => exitCode)).to.deep.equal([0])
  })

  it('close at once, before the process has even started, leaves none either', async () => {
    const hasher = start()
    await hasher.close()
    expect(started.map(({ exitCode }) => exitCode)).to.deep.equal([0])
  })

  it('Ctrl-C and SIGTERM, which reach every process of a group, do not cut a hash off', async () => {
    const hasher = start({ clock: systemClock })
    await hasher.verify(PASSWORD, stored)
    const running = hasher.verify(PASSWORD, stored)
    started[0]?.kill('SIGINT')
    started[0]?.kill('SIGTERM')
    expect(await running).to.have.property('outcome', 'match')
  })

  describe('in a process that ends', () => {
    /** The pid of its hash process comes when that has hashed something. Both write errors to the same pipe. */
    async function startParent(): Promise<ChildProcess> {
      const parent = fork(new URL('./start-hasher-and-wait.ts', import.meta.url), {
        execArgv: ['--import', 'tsx'],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      parent.stderr?.resume()
      const [pid] = await once(parent, 'message')
      expect(pid).to.be.a('number')
      return parent
    }

    it('the hash process ends when its parent is killed', async () => {
      const parent = await startParent()
      // The pipe closes when the last process that holds it has gone: the hash process, after its parent.
      const everybodyGone = once(parent, 'close')
      parent.kill('SIGKILL')
      await everybodyGone
      expect(parent.signalCode).to.equal('SIGKILL')
    })

    it('an idle hash process keeps nobody: its parent ends when it has nothing else to do', async () => {
      const parent = await startParent()
      const everybodyGone = once(parent, 'close')
      parent.send('leave')
      await everybodyGone
      expect(parent.exitCode).to.equal(0)
    })
  })
})

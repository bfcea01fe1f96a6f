import { expect } from 'chai'
import type { SealingKeyProblem } from '../../src/keys/sealing-key.ts'
import { runSealingKeyCommand } from '../../src/keys/sealing-key-command.ts'
import { openSealingKey } from '../../src/keys/sealing-key-source.ts'
import { TestClock } from '../support/clock.ts'
import { failureOf, memoryLogger } from './fixtures.ts'

const ONE = `${'A'.repeat(42)}E`
const OTHER = `${'B'.repeat(42)}E`

function run(command: string, timeLimitMs?: number) {
  const logger = memoryLogger()
  const options = { logger, ...(timeLimitMs !== undefined && { timeLimitMs }) }
  return { logger, lines: runSealingKeyCommand(command, options) }
}

describe('the sealing key from a command', () => {
  it('is what the command prints, a line each, the first one first', async () => {
    const lines = await run(`printf '%s\\n' ${ONE} ${OTHER}`).lines
    expect(lines.map(({ bytes }) => bytes.toString('base64url'))).to.deep.equal([ONE, OTHER])
  })

  for (const [what, command, kind, words] of [
    ['fails', 'echo no such secret >&2; exit 3', 'unreadable', 'exit status 3, saying: no such secret'],
    ['is not there', 'no-such-program-here', 'unreadable', 'exit status 127'],
    ['prints nothing', 'true', 'unreadable', 'printed nothing'],
    ['prints something else', 'echo hello', 'malformed', '32 bytes in base64url'],
    ['prints without end', 'yes', 'unreadable', 'more than 4096 bytes'],
    ['is killed', 'kill -9 $$', 'unreadable', 'SIGKILL'],
  ] as const) {
    it(`K-06 that ${what}: the problem says so`, async () => {
      const problem = (await failureOf(run(command).lines)) as SealingKeyProblem
      expect(problem).to.include({ name: 'SealingKeyProblem', kind })
      expect(problem.message).to.include('KEYTURN_SEALING_KEY_COMMAND').and.to.include(words)
    })
  }

  it('K-06 that hangs is ended with all that it has started', async () => {
    const problem = (await failureOf(run('sleep 1000 | sleep 1000', 50).lines)) as SealingKeyProblem
    expect(problem).to.include({ kind: 'unreadable' })
    expect(problem.message).to.include('longer than 0.05 s')
  })

  it('says on stderr what goes to the log, but for what could be a key', async () => {
    const { logger, lines } = run(`echo "the token expires soon ${OTHER}" >&2; echo ${ONE}`)
    await lines
    const said = JSON.stringify(logger.lines)
    expect(said).to.include('the token expires soon [hidden]')
    expect(said).not.to.include('BBBB').and.not.to.include('AAAA')

    const failing = run(`echo ${ONE}; echo ${OTHER} >&2; exit 1`)
    const problem = (await failureOf(failing.lines)) as Error
    expect(problem.message + JSON.stringify(failing.logger.lines))
      .not.to.include('BBBB')
      .and.not.to.include('AAAA')
  })

  it('is asked for again every five minutes, sooner when something does not open', async () => {
    const clock = new TestClock()
    const logger = memoryLogger()
    const key = await openSealingKey(
      { keysDirectory: '/nowhere', sealingKeyCommand: `echo ${ONE}; echo asked >&2` },
      { clock, logger },
    )
    const asked = () => logger.lines.filter(({ fields }) => JSON.stringify(fields).includes('asked')).length
    expect(asked()).to.equal(1)
    for (const [seconds, occasion, times] of [
      [0, 'unopened', 1],
      [29, 'unopened', 1],
      [1, 'unopened', 2],
      [299, 'routine', 2],
      [1, 'routine', 3],
    ] as const) {
      clock.advance(seconds * 1000)
      await key.reread(occasion)
      expect(asked(), `${occasion} after ${seconds} s more`).to.equal(times)
    }
    expect(key.lines()).to.have.length(1)
  })
})

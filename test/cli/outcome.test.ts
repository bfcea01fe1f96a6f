import { expect } from 'chai'
import { CommanderError } from 'commander'
import { failureOf, Misuse } from '../../src/cli/outcome.ts'
import { ConfigProblem } from '../../src/config.ts'
import { SealingKeyProblem } from '../../src/keys/sealing-key.ts'
import { Refusal } from '../../src/refusal.ts'
import { Unavailable } from '../../src/unavailable.ts'

const fromDatabase = Object.assign(new Error('password authentication failed for user "keyturn"'), {
  code: '28P01',
  severity: 'FATAL',
})

describe('the exit status', () => {
  for (const [what, error, exitCode, code] of [
    ['a refusal', new Refusal('too_early', 'wait'), 1, 'too_early'],
    ['a store that does not answer', new Unavailable('postgres', 'no answer'), 1, 'unavailable'],
    ['a database that refuses us', fromDatabase, 1, 'database'],
    ['a mistake of ours', new TypeError('x is not a function'), 1, 'unexpected'],
    ['something that is no error', 'thrown text', 1, 'unexpected'],
    ['a wrong command line', new Misuse('no password'), 2, 'misuse'],
    [
      'an unknown option',
      new CommanderError(1, 'commander.unknownOption', "error: unknown option '--x'"),
      2,
      'misuse',
    ],
    ['a command that is incomplete', new CommanderError(1, 'commander.help', '(outputHelp)'), 2, 'misuse'],
    ['a wrong configuration', new ConfigProblem(['KEYTURN_PORT is wrong']), 78, 'configuration'],
    ['a missing sealing key', new SealingKeyProblem('missing', 'it is missing'), 78, 'sealing_key_missing'],
  ] as const) {
    it(`of ${what} is ${exitCode}, and its code is ${code}`, () => {
      expect(failureOf(error)).to.include({ exitCode, error: code })
    })
  }

  it('of help that was asked for is none', () => {
    expect(failureOf(new CommanderError(0, 'commander.helpDisplayed', '(outputHelp)'))).to.equal(undefined)
  })

  it('only a mistake of ours is worth its stack', () => {
    expect(failureOf(new TypeError('x'))).to.include({ isUnexpected: true })
    expect(failureOf(new Refusal('a', 'b'))).to.include({ isUnexpected: false })
    expect(failureOf(fromDatabase)).to.include({ isUnexpected: false })
  })

  it('several mistakes in the configuration have a line each', () => {
    expect(failureOf(new ConfigProblem(['one', 'two']))).to.include({ message: 'one\ntwo' })
  })

  it('a secret that was typed as an argument is not repeated', () => {
    const error = new CommanderError(
      1,
      'commander.unknownOption',
      "error: unknown option '--password=hunter2'",
    )
    const failure = failureOf(error)
    expect(failure?.message).to.include("unknown option '--password=…'").and.not.to.include('hunter2')
    expect(failure?.message).to.include('--password-stdin')
  })
})

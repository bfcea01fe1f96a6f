import { expect } from 'chai'
import fc from 'fast-check'
import { LOG_LEVELS, type LogLevel, makeLogger } from '../../src/telemetry/logger.ts'
import {
  currentRequest,
  notedPrincipals,
  notePrincipals,
  withRequest,
} from '../../src/telemetry/request-context.ts'

/** A logger, and what it has written. */
function captured(level: LogLevel = 'debug') {
  let text = ''
  const logger = makeLogger(level, {
    write: (line: string) => {
      text += line
    },
  })
  return {
    logger,
    text: () => text,
    lines: () =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
  }
}

describe('the log', () => {
  it('is one JSON document a line, with time, level and message', () => {
    const { logger, lines } = captured()
    logger.info({ port: 7600 }, 'listening')
    const [line] = lines()
    expect(line).to.include({ level: 'info', port: 7600, msg: 'listening' })
    expect(new Date(line.time).toISOString()).to.equal(line.time)
  })

  it('S-116 no text can end a line, move a cursor or turn the line around', () => {
    const ordinary = fc.string({ unit: 'binary', maxLength: 5 })
    const unsafe = fc.constantFrom(
      '\r\n',
      '\0',
      '\u001b[2J',
      '\u007f',
      '\u0085',
      '\u009b2J',
      '\u2028',
      '\u202e',
      '\u2066',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(ordinary, unsafe)), (parts) => {
        const input = parts.join('')
        const { logger, text, lines } = captured()
        logger.info({ path: input, err: new Error(input) }, `refused ${input}`)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(text().slice(0, -1)).not.to.match(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/)
        expect(lines()).to.have.length(1)
        expect(lines()[0].path, 'and nothing of it is lost').to.equal(input)
      }),
      { numRuns: 500 },
    )
  })

  it('S-116 fields that are named like secrets are never written', () => {
    const { logger, text } = captured()
    const names = [
      'password',
      'secret',
      'client_secret',
      'token',
      'access_token',
      'refresh_token',
      'authorization',
    ]
    for (const name of [...names, 'cookie', 'assertion', 'digest', 'code']) {
      logger.info({ [name]: 'hunter2', kept: 1 }, 'x')
    }
    for (const name of names) logger.info({ form: { [name]: 'hunter2', kept: 1 } }, 'x')
    expect(text()).not.to.include('hunter2')
    expect(text().match(/"kept":1/g)).to.have.length(18)
  })

  it('S-116 of an error the log has what says where to look, and no row that PostgreSQL puts into it', () => {
    const { logger, lines, text } = captured()
    const cause = Object.assign(new Error('violates check constraint'), {
      code: '23514',
      detail: 'Failing row contains (alice, hunter2)',
      where: 'hunter2',
      parameters: ['hunter2'],
      command: { name: 'set', args: ['hunter2'] },
      constraint: 'users_check',
      table: 'users',
    })
    logger.error({ err: cause }, 'unexpected error')
    logger.error({ err: new Error('no answer', { cause }) }, 'unexpected error')
    logger.error({ err: { password: 'hunter2' } }, 'unexpected error')
    logger.error({ err: 'hunter2' }, 'unexpected error')
    expect(text()).not.to.include('hunter2')
    const [first, second] = lines()
    expect(first.err).to.have.all.keys('type', 'message', 'stack', 'code', 'constraint', 'table')
    expect(first.err).to.include({
      code: '23514',
      constraint: 'users_check',
      message: 'violates check constraint',
    })
    expect(second.err.stack, 'the cause is there').to.include('violates check constraint')
  })

  it('writes what is asked for and no less important lines', () => {
    const count = (level: LogLevel) => {
      const { logger, text } = captured(level)
      for (const name of ['debug', 'info', 'warn', 'error'] as const) logger[name]({}, name)
      return text().split('\n').length - 1
    }
    expect(LOG_LEVELS.map(count)).to.deep.equal([4, 3, 2, 1, 0])
  })

  it('a line that is written while a request is served carries its id, also after waiting', async () => {
    const { logger, lines } = captured()
    await Promise.all(
      ['one', 'two'].map((id) =>
        withRequest({ id, address: '' }, async () => {
          await new Promise((resolve) => setImmediate(resolve))
          logger.info({ id }, 'x')
        }),
      ),
    )
    logger.info({}, 'outside')
    expect(lines().map((line) => line.request_id)).to.have.members(['one', 'two', undefined])
    for (const line of lines()) expect(line.request_id).to.equal(line.id)
  })

  it('who a request comes from is noted for that request alone', async () => {
    await withRequest({ id: 'one', address: '' }, async () => {
      notePrincipals({ client: 'client_one' })
      await withRequest({ id: 'two', address: '' }, async () => {
        expect(notedPrincipals()).to.deep.equal({})
        notePrincipals({ user: '2' })
      })
      notePrincipals({ user: '1' })
      expect(notedPrincipals()).to.deep.equal({ client: 'client_one', user: '1' })
      expect(currentRequest()?.id).to.equal('one')
    })
    notePrincipals({ user: 'nobody' })
    expect(notedPrincipals()).to.deep.equal({})
  })
})

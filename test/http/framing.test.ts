import { once } from 'node:events'
import { expect } from 'chai'
import { basicAuthorization, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { connectRaw, type RawAnswer, request, sendRaw } from '../support/raw-http.ts'

const GOOD = 'grant_type=client_credentials'
const CHUNKED = `1d\r\n${GOOD}\r\n0\r\n\r\n`

describe('the framing of requests', () => {
  let keyturn: TestApp
  let client: TestClient
  before(async () => {
    keyturn = await startApp()
    client = await keyturn.createClient()
  })

  /** A token request with these header lines and this body, byte for byte. */
  const token = (lines: string, body: string) =>
    'POST /oauth/token HTTP/1.1\r\nHost: keyturn.test\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
    `Authorization: ${basicAuthorization(client)}\r\n${lines}\r\n${body}`

  /** All answers on one connection, until it is closed. */
  async function answersTo(bytes: string): Promise<RawAnswer[]> {
    const connection = await connectRaw(keyturn.origin)
    connection.write(bytes)
    connection.end()
    const answers: RawAnswer[] = []
    for (let answer = await connection.next(); answer; answer = await connection.next()) answers.push(answer)
    return answers
  }
  const lastRefusal = () => keyturn.logger.lines.findLast(({ message }) => message === 'refused')?.fields

  it('S-014 control: what is well formed is answered', async () => {
    for (const bytes of [
      token('Content-Length: 29\r\n', GOOD),
      token('Transfer-Encoding: chunked\r\n', CHUNKED),
    ]) {
      expect((await sendRaw(keyturn.origin, bytes))?.status).to.equal(200)
    }
  })

  const SMUGGLED = `GET /livez HTTP/1.1\r\nHost: keyturn.test\r\n\r\n`
  const malformed: [what: string, lines: string, body: string][] = [
    ['a length and a coding', 'Content-Length: 29\r\nTransfer-Encoding: chunked\r\n', CHUNKED],
    ['a coding and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', CHUNKED],
    ['two lengths', 'Content-Length: 29\r\nContent-Length: 28\r\n', GOOD],
    ['the same length twice', 'Content-Length: 29\r\nContent-Length: 29\r\n', GOOD],
    ['a list of lengths', 'Content-Length: 29, 29\r\n', GOOD],
    ['a length with a sign', 'Content-Length: +29\r\n', GOOD],
    ['a negative length', 'Content-Length: -1\r\n', GOOD],
    ['a length in hex', 'Content-Length: 0x1d\r\n', GOOD],
    ['a length beyond all numbers', 'Content-Length: 99999999999999999999\r\n', GOOD],
    ['an unknown coding', 'Transfer-Encoding: xchunked\r\n', CHUNKED],
    ['a coding after chunked', 'Transfer-Encoding: chunked, gzip\r\n', CHUNKED],
    ['a coding before chunked', 'Transfer-Encoding: gzip, chunked\r\n', CHUNKED],
    ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', CHUNKED],
    ['a space before the colon', 'Transfer-Encoding : chunked\r\n', CHUNKED],
    ['a tab in a coding', 'Transfer-Encoding:\tchunked\x0b\r\n', CHUNKED],
    ['a folded line', 'X: a\r\n b\r\nContent-Length: 29\r\n', GOOD],
    ['a bare line feed after a header', 'X: a\nContent-Length: 29\r\n', GOOD],
    ['a bare return in a header', 'X: a\rY: b\r\nContent-Length: 29\r\n', GOOD],
    ['NUL in a header', 'X: a\0b\r\nContent-Length: 29\r\n', GOOD],
    ['a header without a name', ': a\r\nContent-Length: 29\r\n', GOOD],
    ['a header that is none', 'nothing\r\nContent-Length: 29\r\n', GOOD],
    ['a space in a name', 'X Y: a\r\nContent-Length: 29\r\n', GOOD],
    ['a return and no line feed at the end', 'Content-Length: 29\r\n\rX: a\r\n', GOOD],
    ['a chunk size that is no number', 'Transfer-Encoding: chunked\r\n', 'zz\r\n'],
    ['a chunk size with a sign', 'Transfer-Encoding: chunked\r\n', `+1d\r\n${GOOD}\r\n0\r\n\r\n`],
    ['a chunk size beyond all numbers', 'Transfer-Encoding: chunked\r\n', `${'f'.repeat(17)}\r\n${GOOD}`],
    ['a chunk that is longer than it says', 'Transfer-Encoding: chunked\r\n', `1c\r\n${GOOD}\r\n0\r\n\r\n`],
    ['a bare line feed after a chunk size', 'Transfer-Encoding: chunked\r\n', `1d\n${GOOD}\r\n0\r\n\r\n`],
  ]
  for (const [what, lines, body] of malformed) {
    it(`S-014 ${what} is refused, and nothing after it is a request`, async () => {
      const answers = await answersTo(token(lines, body) + SMUGGLED)
      expect(answers.map(({ status }) => status)).to.deep.equal([400])
      expect(answers[0]?.header('connection')).to.equal('close')
      expect(JSON.parse(answers[0]?.body ?? '').error).to.equal('invalid_request')
    })
  }

  it('S-014 a megabyte of chunk extensions is refused', async () => {
    const [answer] = await answersTo(token('Transfer-Encoding: chunked\r\n', `1d;${'x'.repeat(1_000_000)}`))
    expect(answer?.status).to.equal(413)
  })

  it('S-014 trailers are no headers', async () => {
    const trailers = `0\r\nAuthorization: Basic x\r\nContent-Type: text/plain\r\n\r\n`
    const bytes = token('Transfer-Encoding: chunked\r\n', CHUNKED.replace('0\r\n\r\n', trailers))
    expect((await sendRaw(keyturn.origin, bytes))?.status).to.equal(200)
  })

  it('S-014 a length that is too short ends the connection with what is too much', async () => {
    const answers = await answersTo(token('Content-Length: 28\r\n', GOOD) + SMUGGLED)
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).to.deep.equal([])
  })

  const noHttp: [what: string, bytes: string][] = [
    ['no HTTP at all', 'HELO keyturn.test\r\n\r\n'],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(600, '\0')],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/0.9', 'GET /livez\r\n\r\n'],
    ['HTTP/2.0 without its preface', 'GET /livez HTTP/2.0\r\nHost: a\r\n\r\n'],
    ['HTTP/3.0', 'GET /livez HTTP/3.0\r\nHost: a\r\n\r\n'],
    ['a method in lower case', 'get /livez HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a tab in the path', 'GET /livez\tx HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['NUL in the path', 'GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a byte above ASCII in the path', 'GET /l\xefvez HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a backslash for a path', 'GET \\livez HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment', 'GET /livez#x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an absolute target', 'GET http://keyturn.test/livez HTTP/1.1\r\nHost: keyturn.test\r\n\r\n'],
    ['an absolute target of no possible host', 'GET http://[::1/livez HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an absolute target with a password', 'GET http://u:hunter2@[x]:z/livez HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a Host with a user', 'GET /livez HTTP/1.1\r\nHost: evil:x@good\r\n\r\n'],
    ['a Host with a path', 'GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['two Hosts in one', 'GET /livez HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ]
  for (const [what, bytes] of noHttp) {
    it(`S-014 S-023 ${what} is refused with a reason, and the connection is closed`, async () => {
      const answers = await answersTo(bytes)
      expect(answers.map(({ status }) => status)).to.deep.equal([400])
      expect(answers[0]?.header('connection')).to.equal('close')
      expect(JSON.parse(answers[0]?.body ?? '').error).to.equal('invalid_request')
      expect(lastRefusal())
        .to.include({ status: 400 })
        .and.have.property('reason')
        .that.matches(/^[a-z_]+$/)
      expect(JSON.stringify(lastRefusal())).not.to.include('hunter2')
    })
  }

  it('S-021 the target that is everything has no methods', async () => {
    for (const method of ['OPTIONS', 'GET', 'TRACE']) {
      const answer = await sendRaw(keyturn.origin, request(`${method} *`))
      expect([answer?.status, answer?.header('allow')], method).to.deep.equal([
        405,
        'GET, HEAD, POST, DELETE, OPTIONS',
      ])
    }
  })

  it('S-015 more than 16 KiB of headers, or more than a hundred, are refused', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, n): [string, string] => [`X-${n}`, 'x'])
    const cookies = Array.from({ length: 2000 }, (): [string, string] => ['Cookie', 'a=b'])
    const tooLarge: string[] = [
      request('GET /livez', [['X', 'a'.repeat(17_000)]]),
      request(`GET /${'a'.repeat(17_000)}`),
      request('GET /livez', many(100)),
      request('GET /livez', [...many(5), ...cookies]),
      request('GET /livez', [['Cookie', 'a=b; '.repeat(4000)]]),
    ]
    for (const bytes of tooLarge) {
      const answers = await answersTo(bytes)
      expect(answers.map(({ status }) => status)).to.deep.equal([431])
      expect(JSON.parse(answers[0]?.body ?? '').error).to.equal('invalid_request')
    }
    expect((await sendRaw(keyturn.origin, request('GET /livez', many(99))))?.status, 'control').to.equal(200)
    expect((await sendRaw(keyturn.origin, request(`GET /livez?${'a'.repeat(15_000)}`)))?.status).to.equal(200)
  })

  it('HTTP/1.0 is answered, and its connection closed', async () => {
    const answers = await answersTo('GET /livez HTTP/1.0\r\n\r\n')
    expect(answers.map(({ status }) => status)).to.deep.equal([200])
    expect(answers[0]?.header('connection')).to.equal('close')
  })

  it('S-013 who expects 100-continue is told to; who expects anything else is refused', async () => {
    const connection = await connectRaw(keyturn.origin)
    connection.write(token('Expect: 100-Continue\r\nContent-Length: 29\r\n', ''))
    expect((await connection.next())?.status).to.equal(100)
    connection.write(GOOD)
    expect((await connection.next())?.status).to.equal(200)
    connection.close()
    const [answer] = await answersTo(token('Expect: the unexpected\r\nContent-Length: 29\r\n', GOOD))
    expect([answer?.status, answer?.header('connection')]).to.deep.equal([417, 'close'])
  })

  it('nobody is let out of HTTP: Upgrade is ignored, CONNECT is refused', async () => {
    for (const [protocol, more] of [
      ['websocket', 'Sec-WebSocket-Key: x\r\n'],
      ['h2c', 'HTTP2-Settings: AAMAAABk\r\n'],
    ]) {
      const lines = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\n${more}Content-Length: 29\r\n`
      expect((await sendRaw(keyturn.origin, token(lines, GOOD)))?.status, protocol).to.equal(200)
    }
    const answers = await answersTo(
      `CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n${SMUGGLED}`,
    )
    expect(answers.map(({ status }) => status)).to.deep.equal([400])
  })

  it('S-027 a thousand requests in one write are a thousand answers, in their order', async () => {
    const connection = await connectRaw(keyturn.origin)
    const lines = Array.from({ length: 1000 }, (_, n) => request(n % 3 ? 'GET /livez' : 'GET /nothing'))
    connection.write(lines.join(''))
    for (let n = 0; n < 1000; n++) {
      expect((await connection.next())?.status, `${n}`).to.equal(n % 3 ? 200 : 404)
    }
    connection.close()
  })

  it('S-013 a request that takes too long to arrive is told so, and its connection closed', async () => {
    const accepted = once(keyturn.app.server, 'connection')
    const connection = await connectRaw(keyturn.origin)
    const [socket] = await accepted
    // As Node does when one of the limits below is reached.
    keyturn.app.server.emit(
      'clientError',
      Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
      socket,
    )
    const answer = await connection.next()
    expect([answer?.status, answer?.header('connection')]).to.deep.equal([408, 'close'])
    await connection.ended
    expect(lastRefusal()).to.include({ status: 408, reason: 'request_timeout', address: '127.0.0.1' })
  })

  it('S-013 S-027 everything that a slow or hostile peer can hold has a bound', () => {
    expect(keyturn.app.server).to.include({
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      keepAliveTimeout: 65_000,
      timeout: 30_000,
      maxConnections: 20_000,
    })
    // What Node looks at once a second it also ends within a second of its time; its own period is half a minute.
    const [interval] = Object.getOwnPropertySymbols(keyturn.app.server)
      .map((symbol) => (keyturn.app.server as unknown as Record<symbol, unknown>)[symbol])
      .filter(
        (value): value is { _repeat: number } =>
          typeof (value as { _repeat?: unknown })?._repeat === 'number',
      )
    expect(interval?._repeat).to.equal(1000)
  })
})

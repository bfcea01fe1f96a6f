import { expect } from 'chai'
import { startApp, type TestApp } from '../support/app.ts'
import { connectRaw, FORM, request, sendRaw } from '../support/raw-http.ts'

const POSTS = ['/oauth/token', '/oauth/introspect', '/oauth/revoke']
const OPEN = [
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
]
const GETS = [...OPEN, '/livez', '/readyz']
const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'QUERY',
  'PURGE',
]

describe('paths and methods', () => {
  let keyturn: TestApp
  before(async () => {
    keyturn = await startApp()
  })

  async function send(line: string, headers: [string, string][] = [], body?: string) {
    const answer = await sendRaw(keyturn.origin, request(line, headers, body))
    if (!answer) throw new Error(`no answer to ${line}`)
    return answer
  }

  for (const path of [...POSTS, ...GETS]) {
    it(`S-001 S-021 ${path} does nothing by another method, and says which there are`, async () => {
      const allowed = POSTS.includes(path)
        ? ['POST']
        : ['GET', 'HEAD', ...(OPEN.includes(path) ? ['OPTIONS'] : [])]
      for (const method of METHODS.filter((name) => !allowed.includes(name))) {
        const answer = await send(`${method} ${path}`, [['X-Echo', 'do not repeat this']])
        expect([answer.status, answer.header('allow')], method).to.deep.equal([405, allowed.join(', ')])
        expect(answer.body).not.to.include('do not repeat this')
        expect(answer.body === '' ? 'HEAD' : JSON.parse(answer.body).error).to.be.oneOf([
          'HEAD',
          'invalid_request',
        ])
      }
    })
  }

  it('S-001 a form sent by PUT is not a token request', async () => {
    const client = await keyturn.createClient()
    const form = `grant_type=client_credentials&client_id=${client.id}&client_secret=${client.secret}`
    expect((await send('PUT /oauth/token', [[...FORM]], form)).status).to.equal(405)
    expect((await send('POST /oauth/token', [[...FORM]], form)).status, 'control').to.equal(200)
  })

  it('S-016 no header and no parameter changes the method', async () => {
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      expect((await send('POST /livez', [[name, 'GET']], '')).status, name).to.equal(405)
      expect((await send('GET /oauth/token', [[name, 'POST']])).status, name).to.equal(405)
    }
    expect((await send('GET /oauth/token?_method=POST')).status).to.equal(405)
    expect((await send('POST /livez?_method=GET', [[...FORM]], '_method=GET')).status).to.equal(405)
  })

  it('S-017 a second spelling of a path is nothing at all', async () => {
    const spellings = [
      '//oauth/token',
      '/oauth//token',
      '/oauth/token/',
      '/OAUTH/token',
      '/oauth/Token',
      '/%6fauth/token',
    ]
    const more = [
      '/oauth/%74oken',
      '/oauth%2Ftoken',
      '/./oauth/token',
      '/oauth/../oauth/token',
      '/oauth/token;a=b',
    ]
    const most = [
      '/oauth/token%00',
      '/oauth/token%20',
      '/oauth/token%3F',
      '/oauth/token.json',
      '/x/../oauth/token',
      '/oauth',
    ]
    for (const path of [
      ...spellings,
      ...more,
      ...most,
      '/',
      '/oauth/token,',
      '/oauth/token*',
      "/oauth/token'",
    ]) {
      const answer = await send(`POST ${path}`, [[...FORM]], 'grant_type=client_credentials')
      expect([answer.status, JSON.parse(answer.body).error], path).to.deep.equal([404, 'invalid_request'])
    }
    expect((await send('GET //livez')).status).to.equal(404)
    expect((await send('GET /livez?x=//')).status, 'control: a query is no part of the path').to.equal(200)
  })

  it('S-164 no other issuer answers by another path', async () => {
    for (const path of ['/tenant/.well-known/openid-configuration', '/.well-known/openid-configuration/']) {
      expect((await send(`GET ${path}`)).status, path).to.equal(404)
    }
    expect((await send('GET /.well-known/oauth-authorization-server/tenant')).status).to.equal(404)
  })

  it('HEAD has the headers of GET and no body', async () => {
    for (const path of GETS) {
      const connection = await connectRaw(keyturn.origin)
      connection.write(request(`HEAD ${path}`) + request(`GET ${path}`))
      const [head, get] = [await connection.next(true), await connection.next()]
      connection.close()
      const names = (answer: typeof head) =>
        answer?.headers.filter(([name]) => name !== 'x-request-id' && name !== 'date')
      expect(head?.status, path).to.equal(200)
      expect(names(head), path).to.deep.equal(names(get))
      expect(Number(head?.header('content-length')), path).to.equal(Buffer.byteLength(get?.body ?? ''))
    }
  })

  it('S-020 S-021 a preflight is answered for what any page may read, and for nothing else', async () => {
    const asking: [string, string][] = [
      ['Origin', 'https://evil.example'],
      ['Access-Control-Request-Method', 'GET'],
    ]
    for (const path of OPEN) {
      const answer = await send(`OPTIONS ${path}`, asking)
      expect(answer.status, path).to.equal(204)
      expect(answer.header('access-control-allow-origin')).to.equal('*')
      expect(answer.header('access-control-allow-methods')).to.equal('GET, HEAD')
      expect(answer.header('access-control-allow-credentials')).to.equal(undefined)
    }
    for (const path of POSTS) expect((await send(`OPTIONS ${path}`, asking)).status, path).to.equal(405)
  })

  it('S-020 no page of another origin reads the answer of an endpoint that takes secrets', async () => {
    for (const origin of ['https://evil.example', 'null', keyturn.config.issuer]) {
      for (const path of POSTS) {
        const answer = await send(
          `POST ${path}`,
          [[...FORM], ['Origin', origin]],
          'grant_type=client_credentials',
        )
        const cors = answer.headers.filter(([name]) => name.startsWith('access-control-'))
        expect(cors, `${path} ${origin}`).to.deep.equal([])
      }
    }
  })

  it('what the caller would rather read changes nothing', async () => {
    for (const accept of [
      'text/html',
      '*/*;q=0',
      '',
      'application/xml, text/*;q=0.9',
      ',,;;==',
      'a'.repeat(8000),
    ]) {
      const answer = await send('GET /.well-known/openid-configuration', [
        ['Accept', accept],
        ['Accept-Encoding', 'gzip, br;q=1'],
        ['Accept-Language', '\xff'],
        ['Range', 'bytes=0-1'],
        ['If-Modified-Since', 'Fri, 31 Dec 9999 23:59:59 GMT'],
        ['If-Match', '"nothing"'],
      ])
      expect([answer.status, JSON.parse(answer.body).issuer], accept).to.deep.equal([
        200,
        keyturn.config.issuer,
      ])
      expect(answer.header('content-encoding')).to.equal(undefined)
    }
  })
})

describe('the key set and those who have it already', () => {
  let keyturn: TestApp
  let etag: string
  before(async () => {
    keyturn = await startApp()
    etag = (await keyturn.get('/.well-known/jwks.json')).headers.get('etag') ?? ''
  })

  async function conditional(method: string, ...values: string[]) {
    const headers = values.map((value): [string, string] => ['If-None-Match', value])
    return (await sendRaw(keyturn.origin, request(`${method} /.well-known/jwks.json`, headers)))?.status
  }

  it('S-161 is not sent again to whoever names it, in any way that HTTP has', async () => {
    expect(etag).to.match(/^"[\w-]{43}"$/)
    const same = [etag, `W/${etag}`, `"a", ${etag}`, `${etag},"a"`, `  W/"a" ,\t${etag}  `, '*']
    for (const value of same) {
      expect(await conditional('GET', value), value).to.equal(304)
      expect(await conditional('HEAD', value), value).to.equal(304)
    }
    expect(await conditional('GET', '"a"', etag), 'on a second line').to.equal(304)
  })

  it('S-161 is sent to everybody else', async () => {
    const bare = etag.replaceAll('"', '')
    const others = [
      '',
      '"',
      '""',
      '"a"',
      bare,
      `"${bare}`,
      `w/${etag}`,
      `${etag}a`,
      '"*"',
      '**',
      'W/',
      ',,,',
      '\xff',
    ]
    for (const value of others) expect(await conditional('GET', value), value).to.equal(200)
  })

  it('S-161 a 304 says what may be kept, as a 200 does', async () => {
    const ask = (headers: [string, string][]) =>
      sendRaw(keyturn.origin, request('GET /.well-known/jwks.json', headers))
    const [full, short] = [await ask([]), await ask([['If-None-Match', etag]])]
    for (const name of ['etag', 'cache-control', 'access-control-allow-origin', 'x-content-type-options']) {
      expect(short?.header(name), name).to.equal(full?.header(name))
      expect(short?.header(name), name).to.be.a('string')
    }
    expect(short?.header('content-type')).to.equal(undefined)
    expect(short?.header('pragma')).to.equal(undefined)
  })
})

import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { unpackPackages } from '../support/debian-packages.ts'
import { startExample } from '../support/example-server.ts'
import { startGuard } from '../support/guard.ts'
import { freePort } from '../support/ports.ts'
import { afterwards } from '../support/root-hooks.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { until } from '../support/until.ts'
import { ask, describeResourceServer } from './resource-server.contract.ts'

const SITE = readFileSync(new URL('../../examples/gateway-nginx/keyturn.conf', import.meta.url), 'utf8')
const NGINX = 'usr/sbin/nginx'
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** The service behind the gateway: it believes the headers. */
async function startBackend(): Promise<number> {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(String(request.headers['x-token-name']))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ message: `Hello, ${name}! Your token is valid.` }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** nginx of this system or of Debian. Fetched before the first test, outside its time limit. */
const nginxPackage = sharedServer(async () => ({
  ...(existsSync(`/${NGINX}`) ? { root: '/', environment: {} } : await unpackPackages(['nginx'])),
  stop: async () => {},
}))

/** Runs it with the site of the example. */
async function startNginx(verifier: string, backend: number): Promise<string> {
  const { root, environment } = await nginxPackage()
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-nginx-'))
  const port = await freePort()
  const site = SITE.replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('http://127.0.0.1:8000/', `${verifier}/`)
    .replace('http://127.0.0.1:9000', `http://127.0.0.1:${backend}`)
  mkdirSync(join(directory, 'temporary'))
  writeFileSync(join(directory, 'site.conf'), site)
  writeFileSync(
    join(directory, 'nginx.conf'),
    [
      ...['daemon off;', 'master_process off;', 'pid nginx.pid;', 'error_log stderr;', 'events {}', 'http {'],
      ...['access_log off;', ...TEMPORARY.map((name) => `${name}_temp_path temporary/${name};`)],
      ...['include site.conf;', '}'],
    ].join('\n'),
  )
  const nginx = await startGuard({
    command: join(root, NGINX),
    arguments: ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'],
    environment: { PATH: process.env['PATH'], ...environment },
    directory,
    removeDirectory: true,
    stopSignal: 'TERM',
    user: {},
  })
  afterwards(nginx.stop)
  const origin = `http://127.0.0.1:${port}`
  let hasEnded = false
  void nginx.ended.then(() => {
    hasEnded = true
  })
  await until(async () => {
    if (hasEnded) throw new Error(`nginx did not start: ${nginx.stderr()}`)
    return fetch(origin).then(
      () => true,
      () => false,
    )
  })
  return origin
}

describe('nginx with the verifier of examples/gateway-nginx', () => {
  const start = async (environment: Record<string, string>) => {
    const verifier = await startExample({
      example: 'gateway-nginx',
      command: process.execPath,
      arguments: ['--import', 'tsx', 'verifier.ts'],
      environment,
    })
    return startNginx(verifier, await startBackend())
  }

  describeResourceServer(start, { keysAreMissing: 503 }, ({ issuer, origin }) => {
    it('replaces what a client says about itself', async () => {
      const authorization = `Bearer ${await issuer().aliceToken()}`
      const headers = { authorization, 'x-token-name': 'mallory', 'x-token-subject': 'mallory' }
      const answer = await fetch(`${origin()}/api/protected/`, { headers })
      expect(await answer.json()).to.deep.equal({ message: 'Hello, alice! Your token is valid.' })
    })

    it('answers 401 with a challenge, not 500, to a malformed header', async () => {
      const answer = await ask(origin(), 'a b')
      expect(answer.status).to.equal(401)
      expect(answer.headers.get('www-authenticate')).to.match(/^Bearer error="invalid_request"/)
    })

    it('shows nobody the way to the verifier', async () => {
      expect((await fetch(`${origin()}/_token`)).status).to.equal(404)
    })

    it('answers 503 and when to come back while the verifier is gone', async () => {
      const alone = await startNginx(`http://127.0.0.1:${await freePort()}`, await startBackend())
      const answer = await ask(alone, await issuer().aliceToken())
      expect(answer.status).to.equal(503)
      expect(answer.headers.get('retry-after')).to.equal('1')
    })
  })
})

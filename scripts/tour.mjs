import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createProbe } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { build, ROOT } from './build.mjs'
import { main } from './child.mjs'

/*
 * `npm run tour`: the whole main job on one page. A Keyturn of its own in a temporary directory, a resource server that
 * knows nothing but the JWKS, and a client; each step with its real request and answer.
 */

/** Rotating a key safely takes minutes; here every duration of it is this much shorter. */
const SCALE = 1 / 120
const AUDIENCE = 'https://api.example.com'

const bold = (text) => (process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text)
const grey = (text) => (process.stdout.isTTY ? `\u001b[2m${text}\u001b[0m` : text)
let step = 0
const title = (text) => console.log(`\n${bold(`${++step}. ${text}`)}`)
/** A token is too long for the page: its ends tell it apart. */
const short = (text) =>
  String(text).replace(/[\w.-]{60,}/g, (token) => `${token.slice(0, 12)}…${token.slice(-6)}`)
const show = (request, answer) => console.log(`   ${grey(short(request))}\n   ${short(answer)}`)

await main(async () => {
  await build()
  const load = (path) => import(join(ROOT, 'dist/src', path))
  const { serve } = await load('serve.js')
  const { readConfig } = await load('config.js')
  const { keySchedule } = await load('keys/schedule.js')
  const { makeLogger } = await load('telemetry/logger.js')

  const directory = mkdtempSync(join(tmpdir(), 'keyturn-tour-'))
  const [port, metricsPort, apiPort] = [await freePort(), await freePort(), await freePort()]
  const issuer = `http://localhost:${port}`
  const config = readConfig({
    KEYTURN_PORT: String(port),
    KEYTURN_METRICS_PORT: String(metricsPort),
    KEYTURN_DATA_DIR: directory,
    KEYTURN_KEYS_DIR: join(directory, 'keys'),
    KEYTURN_LOG_LEVEL: 'error',
  })
  const production = keySchedule({ rotationPeriodSeconds: 0, jwksMaxAgeSeconds: config.jwksMaxAgeSeconds })
  const schedule = Object.fromEntries(
    Object.entries(production).map(([name, value]) => [name, value * SCALE]),
  )

  console.log(
    bold('A tour of Keyturn') + grey(`  (durations of key rotation are ${1 / SCALE} times shorter)`),
  )
  const keyturn = await serve(config, makeLogger('error'), { schedule })
  const { clientId, clientSecret, username, password } = keyturn.demo
  const api = await resourceServer(issuer, apiPort)
  const basic = { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` }

  async function token(form) {
    const response = await fetch(`${issuer}/oauth/token`, {
      method: 'POST',
      headers: basic,
      body: new URLSearchParams(form),
    })
    return { status: response.status, body: await response.json() }
  }
  async function call(accessToken) {
    const response = await fetch(`${api.origin}/api/protected/`, {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    return `${response.status} ${await response.text()}`
  }
  const refresh = (refreshToken) => token({ grant_type: 'refresh_token', refresh_token: refreshToken })
  const REFRESH = 'POST /oauth/token  grant_type=refresh_token&refresh_token='

  try {
    title('A client exchanges its credentials for an access token')
    const own = await token({ grant_type: 'client_credentials', scope: 'read' })
    show('POST /oauth/token  grant_type=client_credentials&scope=read', JSON.stringify(own.body))

    title(`${username} signs in: an access token, and a refresh token that rotates`)
    const first = (await token({ grant_type: 'password', username, password })).body
    show(`POST /oauth/token  grant_type=password&username=${username}&password=…`, JSON.stringify(first))

    title('A resource server that knows only the JWKS lets the token in, and nothing else')
    show(`GET /api/protected/  Bearer ${first.access_token}`, await call(first.access_token))
    show(`GET /api/protected/  Bearer ${first.access_token}x`, await call(`${first.access_token}x`))

    title('Refreshing; and the answer got lost, so the client asks again: the same successor')
    const second = await refresh(first.refresh_token)
    const again = await refresh(first.refresh_token)
    show(REFRESH + first.refresh_token, `${second.status} refresh_token ${second.body.refresh_token}`)
    show(REFRESH + first.refresh_token, `${again.status} refresh_token ${again.body.refresh_token}`)

    title('A thief replays a token that is long spent: the family ends, for the thief and for the rest of it')
    const third = await refresh(second.body.refresh_token)
    const theft = await refresh(first.refresh_token)
    show(REFRESH + first.refresh_token, `${theft.status} ${JSON.stringify(theft.body)}`)
    const live = await refresh(third.body.refresh_token)
    show(REFRESH + third.body.refresh_token, `${live.status} ${JSON.stringify(live.body)}`)

    title('The signing key is rotated under traffic, and the resource server never notices')
    const keys = await keyturn.administration.keys()
    const [plan] = await keys.rotateKeys({ now: false }, 'operator')
    const seconds = Math.ceil((new Date(plan.activatesAt).getTime() - Date.now()) / 1000)
    show(
      'keyturn keys rotate',
      `${plan.kid.slice(0, 8)}… takes over in ${seconds} s, once every cache has it`,
    )
    const seen = await traffic(seconds + 3, token, call)
    const kids = [...seen.kids].map(([kid, count]) => `${kid.slice(0, 8)}… ${count}`).join(', ')
    console.log(`   ${seen.verified} tokens verified, ${seen.failed} failures; signed by ${kids}`)
    console.log(`   the resource server asked for the JWKS ${api.fetches()} times`)
    if (seen.failed > 0 || seen.kids.size < 2) throw new Error('the rotation was noticed, or did not happen')
    console.log(`\nThat was all of it. ${bold('npm start')} runs one for you.\n`)
  } finally {
    api.server.close()
    await keyturn.stop()
    rmSync(directory, { recursive: true, force: true })
  }
})

/** Ten lines around the protected path, as in examples/resource-server-jose. */
async function resourceServer(issuer, port) {
  const { createRemoteJWKSet, customFetch, jwtVerify } = await import('jose')
  let fetches = 0
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    cacheMaxAge: 600_000 * SCALE,
    cooldownDuration: 30_000 * SCALE,
    [customFetch]: (url, options) => {
      fetches++
      return fetch(url, options)
    },
  })
  const server = createServer(async (request, response) => {
    const presented = (request.headers.authorization ?? '').replace('Bearer ', '')
    try {
      const { payload } = await jwtVerify(presented, keys, { issuer, audience: AUDIENCE, typ: 'at+jwt' })
      response.end(JSON.stringify({ message: `Hello, ${payload.username ?? payload.sub}!` }))
    } catch (error) {
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end(error.code)
    }
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { server, origin: `http://127.0.0.1:${port}`, fetches: () => fetches }
}

/** Mints and verifies for so long; says which keys signed. */
async function traffic(seconds, token, call) {
  const seen = { verified: 0, failed: 0, kids: new Map() }
  const end = performance.now() + seconds * 1000
  let shownAt = 0
  while (performance.now() < end) {
    const { body } = await token({ grant_type: 'client_credentials' })
    const kid = JSON.parse(Buffer.from(body.access_token.split('.')[0], 'base64url')).kid
    seen.kids.set(kid, (seen.kids.get(kid) ?? 0) + 1)
    if ((await call(body.access_token)).startsWith('200')) seen.verified++
    else seen.failed++
    if (process.stderr.isTTY && performance.now() - shownAt > 200) {
      shownAt = performance.now()
      process.stderr.write(`\r   ${Math.ceil((end - shownAt) / 1000)} s left, ${seen.verified} verified … `)
    }
    await delay(10)
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  return seen
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createProbe().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

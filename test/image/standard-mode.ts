import { stat } from 'node:fs/promises'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '../support/ports.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { startRedis } from '../support/redis-server.ts'
import { type Container, type ContainerOptions, runContainer, startContainer } from './container.ts'
import {
  atEnd,
  becomesReady,
  IMAGE_UID,
  ownedDirectory,
  readyStatus,
  say,
  stopwatch,
  until,
} from './surroundings.ts'

type Image = Pick<ContainerOptions, 'root' | 'settings'>
interface SignIn {
  readonly authorization: string
  readonly body: string
}

const PASSWORD = 'correct horse battery staple'

/** Standard mode, from an empty database to SIGTERM. */
export async function checkStandardMode(image: Image): Promise<void> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  atEnd(postgres.stop)
  atEnd(redis.stop)
  const keys = await ownedDirectory('keys')
  const origin = `http://127.0.0.1:${await freePort()}`
  const env = {
    KEYTURN_PORT: new URL(origin).port,
    KEYTURN_METRICS_PORT: String(await freePort()),
    KEYTURN_ISSUER: 'https://id.example.com',
    KEYTURN_DATABASE_URL: postgres.url,
    KEYTURN_REDIS_URL: redis.url,
  }
  const once = (args: string[], mounts: Record<string, string> = { [keys]: '/keys:ro' }) =>
    runContainer({ ...image, env, mounts, args })

  const withoutDatabase = await runContainer(image)
  expect(withoutDatabase.code, 'no database').to.equal(78)
  expect((await once(['serve'])).code, 'no sealing key').to.equal(78)
  say('serve ends with 78 where it has no database, or no sealing key')

  const made = await once(['keys', 'init'], { [keys]: '/keys' })
  expect(made.code, made.stderr).to.equal(0)
  expect((await stat(join(keys, 'sealing.key'))).mode & 0o777).to.equal(0o600)
  const migrated = await once(['migrate'])
  expect(migrated.code, migrated.stderr).to.equal(0)
  expect((await once(['no-such-command'])).code).to.equal(2)
  const settings = { ...image.settings, User: '12345:12345' }
  const again = await runContainer({ ...image, settings, env, args: ['migrate'] })
  expect(again.code, again.stderr).to.equal(0)
  say('keys init and migrate do their work, the second time as another user')

  const seconds = stopwatch()
  const container = await startContainer({ ...image, env, mounts: { [keys]: '/keys:ro' } })
  atEnd(container.stop)
  await becomesReady(container, origin)
  say(`/readyz answers 200 after ${seconds()} s`)
  await isConfined(container)
  await isHealthy(container, image)
  await drains(container, origin, await issuesTokens(container, origin))
}

async function isConfined(container: Container): Promise<void> {
  const program = await container.exec(['cat', '/proc/1/cmdline'])
  expect(program.stdout.split('\0')).to.deep.equal(['node', '/app/dist/src/cli/main.js', 'serve', ''])
  const { stdout: status } = await container.exec(['cat', '/proc/1/status'])
  expect(status).to.match(new RegExp(`^Uid:\t${IMAGE_UID}\t`, 'm'))
  expect(status).to.match(/^CapEff:\t0+$/m)
  for (const path of ['/app/dist/x', '/keys/x', '/x', '/etc/x']) {
    const touched = await container.exec(['touch', path], { asRoot: true })
    expect(touched.stderr, path).to.include('Read-only file system')
  }
  expect((await container.exec(['touch', '/tmp/x'])).code).to.equal(0)
  say('runs as process 1, without rights, and even root could write to /tmp only')
}

async function isHealthy(container: Container, image: Image): Promise<void> {
  const [kind, ...command] = image.settings.Healthcheck.Test
  expect(kind).to.equal('CMD')
  const healthy = await container.exec(command)
  expect(healthy.code, healthy.stderr).to.equal(0)
  const deaf = { ...image.settings, Entrypoint: command }
  const unhealthy = await runContainer({
    ...image,
    settings: deaf,
    args: [],
    env: { KEYTURN_PORT: String(await freePort()) },
  })
  expect(unhealthy.code, 'HEALTHCHECK where nothing listens').to.equal(1)
  say('HEALTHCHECK says 0, and 1 where nothing listens')
}

async function issuesTokens(container: Container, origin: string): Promise<SignIn> {
  const stdin = PASSWORD
  const user = await container.exec(
    ['keyturn', 'users', 'create', 'alice', '--email', 'alice@example.com', '--password-stdin'],
    { stdin },
  )
  expect(user.code, user.stderr).to.equal(0)
  const grants = ['--grant', 'password', '--grant', 'refresh_token', '--first-party']
  const client = await container.exec([
    'keyturn',
    'clients',
    'create',
    '--json',
    '--name',
    'check',
    ...grants,
  ])
  expect(client.code, client.stderr).to.equal(0)
  const { client_id: id, client_secret: secret } = JSON.parse(client.stdout)
  const signIn = {
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    body: new URLSearchParams({ grant_type: 'password', username: 'alice', password: PASSWORD }).toString(),
  }
  const answer = await fetch(`${origin}/oauth/token`, {
    method: 'POST',
    headers: { authorization: signIn.authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body: signIn.body,
  })
  expect(answer.status).to.equal(200)
  say('a user and a client are made by docker exec’s way, and sign in')
  return signIn
}

/** A request whose second half comes after SIGTERM is answered all the same. */
async function drains(container: Container, origin: string, signIn: SignIn): Promise<void> {
  const { hostname, port } = new URL(origin)
  const socket = createConnection({ host: hostname, port: Number(port) })
  atEnd(async () => socket.destroy())
  let received = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text
  })
  const half = Math.floor(signIn.body.length / 2)
  const head = [
    'POST /oauth/token HTTP/1.1',
    `host: ${hostname}`,
    `authorization: ${signIn.authorization}`,
    'content-type: application/x-www-form-urlencoded',
    `content-length: ${signIn.body.length}`,
  ]
  await written(socket, `${head.join('\r\n')}\r\n\r\n${signIn.body.slice(0, half)}`)
  const seconds = stopwatch()
  container.signal('SIGTERM')
  await until(async () => (await readyStatus(origin)) !== 200)
  await written(socket, signIn.body.slice(half))
  await until(async () => /access_token/.test(received))
  expect(received).to.match(/^HTTP\/1\.1 200 /)
  expect(await container.ended, container.stderr()).to.equal(0)
  say(`SIGTERM: not ready, answers what has begun, ends with 0 after ${seconds()} s`)
}

function written(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(text, (error) => (error ? reject(error) : resolve()))
  })
}

import { connect } from 'node:net'
import { expect } from 'chai'
import { openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { runKeyturn, startKeyturn } from '../support/keyturn-process.ts'
import { freePort } from '../support/ports.ts'
import { openPostgres, startPostgres } from '../support/postgres.ts'
import { openRedis } from '../support/redis.ts'
import { afterwards } from '../support/root-hooks.ts'
import { serverDirectory } from '../support/server-user.ts'
import { until } from '../support/until.ts'
import { command, deployment, PASSWORD, startKeyturnWithKeys } from './deployment.ts'

describe('keyturn serve, standard', () => {
  it('G9 at SIGTERM it is unready first, answers what has arrived, writes its anchors and ends with 0', async () => {
    const { first, database, token, signIn, authorization } = await deployment()
    const tokens = (await (await signIn(first)).json()) as { refresh_token: string }
    const refreshed = await token(first, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
    expect(refreshed.status).to.equal(200)

    // A request whose second half comes after the signal.
    const form = new URLSearchParams({
      grant_type: 'password',
      username: 'alice',
      password: PASSWORD,
    }).toString()
    const socket = connect(Number(new URL(first.origin).port), '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write(
      `POST /oauth/token HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n` +
        `content-type: application/x-www-form-urlencoded\r\ncontent-length: ${form.length}\r\n\r\n${form.slice(0, 10)}`,
    )
    const answer = new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (data) => {
        text += data
      })
      socket.on('close', () => resolve(text))
    })
    expect((await fetch(`${first.origin}/readyz`)).status).to.equal(200)
    const exit = first.stop()
    // Unready while it still answers.
    await until(async () => (await fetch(`${first.origin}/readyz`)).status === 503)
    socket.write(form.slice(10))
    const text = await answer
    expect(text).to.match(/^HTTP\/1\.1 200 /)
    expect(text).to.match(/connection: close/i)
    expect(await exit).to.equal(0)
    expect(first.stderr()).to.match(/"msg":"stopping: .*\n(.*\n)*.*"isFinished":true,.*"msg":"stopped"/)
    expect(first.stderr(), 'probes that are answered "well" fill no log').not.to.match(
      /"path":"\/readyz","status":200/,
    )
    expect(first.stderr()).to.match(/"path":"\/readyz","status":503.*"reason":"not_ready"/)
    const [row] = await database.query<{ generation: number }>(
      'select max(generation) as generation from refresh_families',
    )
    expect(row?.generation, 'the anchor is written').to.equal(2)
  })

  for (const [what, heals, exitCode] of [
    ['waits for a record that takes no anchors just then, and ends with 0', true, 0],
    ['ends with 1 and says so when it takes none at all', false, 1],
  ] as const) {
    it(`F-501 at SIGTERM it ${what}`, async () => {
      const { first, database, token, signIn } = await deployment()
      const { refresh_token } = (await (await signIn(first)).json()) as { refresh_token: string }
      await database.query(`create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
        create trigger refuse before update on refresh_families for each row execute function refuse()`)
      expect((await token(first, { grant_type: 'refresh_token', refresh_token })).status).to.equal(200)
      await until(() => first.stderr().includes('anchors not written yet'))
      const exit = first.stop()
      await until(async () => (await fetch(first.origin).catch(() => undefined)) === undefined)
      if (heals) await database.query('drop trigger refuse on refresh_families')
      expect(await exit).to.equal(exitCode)
      const [row] = await database.query('select max(generation) as generation from refresh_families')
      expect(row).to.deep.equal({ generation: heals ? 2 : 1 })
      expect(first.stderr().includes('something could not be finished')).to.equal(!heals)
    })
  }

  it('F-217 on a Postgres that takes no writes it is not ready, and says why', async () => {
    const { first, database } = await deployment()
    const readyz = async () => (await fetch(`${first.origin}/readyz`)).text()
    const [named] = await database.query<{ name: string }>('select current_database() as name')
    const setReadOnly = async (value: 'on' | 'off') => {
      await database.transaction(async (transaction) => {
        await transaction.query('set transaction read write')
        await transaction.query(
          `alter database "${named?.name}" set default_transaction_read_only = ${value}`,
        )
      })
      await database.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`)
    }
    await setReadOnly('on')
    await until(async () => (await readyz()).includes('read-only'))
    await setReadOnly('off')
    await until(async () => (await fetch(`${first.origin}/readyz`)).status === 200)
  })

  it('R-01 64 parallel refreshes over two processes: one successor, no error', async () => {
    const { first, env, token, signIn } = await deployment()
    const second = await startKeyturn({ cwd: first.directory, env })
    const { refresh_token } = (await (await signIn(first)).json()) as { refresh_token: string }
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        token(n % 2 ? second : first, { grant_type: 'refresh_token', refresh_token }),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]))
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as { refresh_token: string }[]
    expect(new Set(bodies.map((body) => body.refresh_token)).size).to.equal(1)
  })

  it('K-06 without its sealing key it ends with 78 and says which command helps', async () => {
    const { url } = await openPostgres()
    const { code, stderr } = await runKeyturn(['serve'], { env: { KEYTURN_DATABASE_URL: url } })
    expect(code).to.equal(78)
    expect(stderr).to.contain('keyturn keys init')
  })

  it('K-06 with another sealing key than the stored keys were sealed with it ends with 78', async () => {
    const { env } = await deployment()
    const directory = serverDirectory('other-keys')
    await command({ directory }, env, ['keys', 'init'])
    const { code, stderr } = await runKeyturn(['serve'], {
      cwd: directory,
      env: { ...env, KEYTURN_PORT: '0', KEYTURN_METRICS_PORT: '0' },
    })
    expect(code).to.equal(78)
    expect(stderr).to.match(/sealing key/)
  })

  it('with Postgres down at start it lives, is not ready, and becomes ready by itself', async () => {
    const directory = serverDirectory('postgres-later')
    const port = await freePort()
    const env = { KEYTURN_DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres` }
    const cwd = serverDirectory('keyturn-early')
    await command({ directory: cwd }, env, ['keys', 'init'])
    const httpPort = String(await freePort())
    const origin = `http://127.0.0.1:${httpPort}`
    const starting = startKeyturn({ cwd, env: { ...env, KEYTURN_PORT: httpPort } })
    const status = async (path: string) => (await fetch(origin + path).catch(() => undefined))?.status
    await until(async () => (await status('/livez')) === 200)
    const early = await fetch(`${origin}/readyz`)
    expect(early.status).to.equal(503)
    expect(await early.json()).to.have.nested.property('parts.postgres', 'no answer')
    expect((await fetch(`${origin}/.well-known/jwks.json`)).status, 'never an empty key set').to.equal(503)

    const server = await startPostgres({ port, directory })
    afterwards(() => server.stop())
    await migrate({ connectionString: server.url })
    const keyturn = await starting
    const database = openDatabase({ connectionString: server.url, max: 1 })
    expect(await database.query('select kid from signing_keys')).to.have.length(2)
    await database.close()
    expect(await keyturn.stop()).to.equal(0)
  })

  it('a schema that was not migrated is said in /readyz', async () => {
    const server = await startPostgres()
    afterwards(() => server.stop())
    const env = { KEYTURN_DATABASE_URL: server.url }
    const cwd = serverDirectory('unmigrated')
    await command({ directory: cwd }, env, ['keys', 'init'])
    const httpPort = String(await freePort())
    const starting = startKeyturn({ cwd, env: { ...env, KEYTURN_PORT: httpPort } })
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/readyz`).catch(() => undefined)
      return (await answer?.text())?.includes('keyturn migrate') ?? false
    })
    await command({ directory: cwd }, env, ['migrate'])
    expect(await (await starting).stop()).to.equal(0)
  })
}).timeout(90_000)

describe('keyturn serve, when its record is gone', () => {
  it('F-501 SIGTERM ends it with 0 all the same', async () => {
    const server = await startPostgres()
    afterwards(() => server.stop())
    await migrate({ connectionString: server.url })
    const { url: redisUrl } = await openRedis()
    const keyturn = await startKeyturnWithKeys({
      KEYTURN_DATABASE_URL: server.url,
      KEYTURN_REDIS_URL: redisUrl,
    })
    await server.kill()
    expect(await keyturn.stop()).to.equal(0)
  }).timeout(90_000)
})

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { runKeyturn } from '../support/keyturn-process.ts'
import { type OpenPostgres, openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'

describe('keyturn webhooks', () => {
  let postgres: OpenPostgres
  let env: Record<string, string>
  let url: string
  const types: string[] = []

  before(async () => {
    postgres = await openPostgres()
    const keys = mkdtempSync(join(tmpdir(), 'keyturn-cli-webhooks-'))
    env = {
      KEYTURN_DATABASE_URL: postgres.url,
      KEYTURN_KEYS_DIR: keys,
      KEYTURN_WEBHOOK_PRIVATE_NETWORKS: '1',
    }
    await runKeyturn(['keys', 'init'], { env })
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      types.push(JSON.parse(Buffer.concat(chunks).toString()).type)
      response.writeHead(types.length === 1 ? 204 : 500).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    afterwards(async () => {
      server.close()
      rmSync(keys, { recursive: true })
    })
  })

  const keyturn = (...args: string[]) => runKeyturn(['webhooks', ...args], { env })

  it('makes one whose secret is shown once, tries it, lists and deletes it', async () => {
    const made = await keyturn('create', url, '--event', 'user.created', '--event', 'session.*', '--json')
    expect(made.code, made.stderr).to.equal(0)
    const { id, secret } = JSON.parse(made.stdout)
    expect(secret).to.match(/^whsec_/)
    const stored = JSON.stringify(await postgres.database.query('select * from webhooks'))
    expect(stored).to.include(id).and.not.include(secret.slice(6))

    expect(await keyturn('test', id)).to.include({ code: 0, stdout: 'It took it.\n' })
    expect(await keyturn('test', id)).to.include({ code: 1, stdout: 'It did not take it: status_500.\n' })
    expect(types).to.deep.equal(['webhook.test', 'webhook.test'])

    const [listed] = JSON.parse((await keyturn('list', '--json')).stdout)
    expect(listed).to.deep.include({ id, url, events: ['user.created', 'session.*'], disabled_at: null })
    expect((await keyturn('failures', id)).stdout).to.equal('Nothing was given up.\n')
    expect((await keyturn('retry', id)).stdout).to.match(/^0 are sent again/)
    expect((await keyturn('delete', id)).code).to.equal(0)
    expect((await keyturn('list')).stdout).to.equal('There are no webhooks.\n')
  })

  it('refuses in words what cannot be told', async () => {
    const { KEYTURN_WEBHOOK_PRIVATE_NETWORKS: _, ...outside } = env
    for (const [target, event, message, environment] of [
      ['ftp://x.example', '*', /it is no https: URL/, env],
      ['https://a:b@x.example/', '*', /a name, a password or a fragment/, env],
      ['https://x.example/', 'user.born', /there is no "user.born"/, env],
      ['http://x.example/', '*', /plain http would show/, outside],
    ] as const) {
      const args = ['webhooks', 'create', target, '--event', event]
      const { code, stderr } = await runKeyturn(args, { env: environment })
      expect([code, message.test(stderr)], stderr).to.deep.equal([1, true])
    }
    expect((await keyturn('test', 'wh_nobody')).stderr).to.match(/there is no webhook "wh_nobody"/)
  })
})

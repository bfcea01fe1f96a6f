import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { resolveHost } from '../../src/webhooks/public-address.ts'
import { makeSendWebhook } from '../../src/webhooks/send.ts'
import { deriveWebhookSecret, signatureHeaders } from '../../src/webhooks/signature.ts'
import { startGuarded } from '../support/guarded-process.ts'
import { afterwards } from '../support/root-hooks.ts'
import { serverDirectory } from '../support/server-user.ts'

const SECRET = deriveWebhookSecret(Buffer.alloc(32, 3), 'wh_1')
const BODY = '{"type": "user.created", "timestamp": "2026-01-01T00:00:00Z", "data": {"user_id": "7"}}'
const send = makeSendWebhook({ resolve: resolveHost, allowsPrivate: true })

for (const [name, command] of [
  ['receiver.mjs', process.execPath],
  ['receiver.py', '/usr/bin/python3'],
] as const) {
  describe(`examples/webhook-receiver/${name}`, () => {
    it('takes what is signed and new, each event once, and nothing else', async () => {
      const file = fileURLToPath(new URL(`../../examples/webhook-receiver/${name}`, import.meta.url))
      const receiver = await startGuarded({
        command,
        arguments: [file],
        environment: { WEBHOOK_SECRET: SECRET, PORT: '0' },
        directory: serverDirectory('webhooks'),
        removeDirectory: true,
        stopSignal: 'TERM',
        ready: /listening on/,
      })
      afterwards(receiver.stop)
      const url = /listening on (http:\S+)/.exec(receiver.output())?.[1] ?? ''
      const message = { id: 'evt_1', body: BODY }
      const now = new Date()
      const headers = signatureHeaders(SECRET, message, now)
      const refused = { outcome: 'failed', reason: 'status_401' }
      expect(await send(url, headers, BODY)).to.deep.equal({ outcome: 'delivered' })
      expect(await send(url, headers, BODY), 'again').to.deep.equal({ outcome: 'delivered' })
      expect(receiver.output().match(/user\.created 7/g)).to.have.length(1)

      expect(await send(url, headers, BODY.replace('7', '8')), 'another body').to.deep.equal(refused)
      expect(await send(url, { ...headers, 'webhook-id': 'evt_2' }, BODY)).to.deep.equal(refused)
      expect(await send(url, {}, BODY)).to.deep.equal(refused)
      const old = signatureHeaders(SECRET, message, new Date(now.getTime() - 301_000))
      expect(await send(url, old, BODY), 'an old one').to.deep.equal(refused)
      const other = deriveWebhookSecret(Buffer.alloc(32, 4), 'wh_1')
      expect(await send(url, signatureHeaders(other, message, now), BODY)).to.deep.equal(refused)
    })
  })
}

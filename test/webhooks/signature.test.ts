import { expect } from 'chai'
import { deriveWebhookSecret, signatureHeaders } from '../../src/webhooks/signature.ts'

describe('the signature of a webhook', () => {
  it('is that of the Standard Webhooks specification (its published vector)', () => {
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' }
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    expect(signatureHeaders(secret, message, new Date(1614265330_999))).to.deep.equal({
      'webhook-id': message.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  it('is made with a secret of 256 bits that follows from the key and the webhook alone', () => {
    const key = Buffer.alloc(32, 1)
    const secret = deriveWebhookSecret(key, 'wh_1')
    expect(secret).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(deriveWebhookSecret(key, 'wh_1')).to.equal(secret)
    expect(deriveWebhookSecret(key, 'wh_2')).not.to.equal(secret)
    expect(deriveWebhookSecret(Buffer.alloc(32, 2), 'wh_1')).not.to.equal(secret)
  })
})

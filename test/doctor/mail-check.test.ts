import { expect } from 'chai'
import { mailCheck } from '../../src/doctor/mail-check.ts'
import { parseSmtpUrl } from '../../src/mail/smtp-url.ts'
import { freePort } from '../support/ports.ts'
import { startSmtpSink } from '../support/smtp-sink.ts'

const mailFrom = { name: '', address: 'no-reply@example.com' }

async function checked(url: string) {
  const smtp = parseSmtpUrl(url)
  if ('problem' in smtp) throw new Error(smtp.problem)
  return mailCheck({ smtp, mailFrom })
}

describe('the doctor and the mail server', () => {
  it('one that lets us in is well, and gets no mail for it', async () => {
    const sink = await startSmtpSink()
    expect(await checked(`smtp://127.0.0.1:${sink.port}`)).to.include({ check: 'mail', status: 'ok' })
    expect(sink.mails).to.deep.equal([])
  })

  it('one that is not there, or does not know us, is not', async () => {
    const at = `127.0.0.1:${await freePort()}`
    expect(await checked(`smtp://${at}`)).to.include({ status: 'fail', found: `${at}: ESOCKET` })
    const sink = await startSmtpSink({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, callback) => callback(Object.assign(new Error('no'), { responseCode: 535 })),
    })
    const refused = await checked(`smtp://user:secret@127.0.0.1:${sink.port}`)
    expect(refused).to.include({ status: 'fail', found: `127.0.0.1:${sink.port}: EAUTH 535` })
    expect(JSON.stringify(refused)).not.to.contain('secret')
  })

  it('where there is none, nothing is asked', async () => {
    expect(await mailCheck({ smtp: undefined, mailFrom: undefined })).to.include({ status: 'skipped' })
  })
})

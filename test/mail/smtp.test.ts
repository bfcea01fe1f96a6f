import { expect } from 'chai'
import { makeSmtp } from '../../src/mail/smtp.ts'
import { parseSmtpUrl, type SmtpServer } from '../../src/mail/smtp-url.ts'
import { freePort } from '../support/ports.ts'
import { startSmtpSink } from '../support/smtp-sink.ts'

const FROM = { name: 'Example, Inc.', address: 'no-reply@example.com' }
const MAIL = { to: 'alice@example.com', subject: 'Hello', text: 'One\n\nTwo with ü\n' }

function server(url: string): SmtpServer {
  const parsed = parseSmtpUrl(url)
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed
}

const sender = (url: string) => makeSmtp({ server: server(url), from: FROM })

describe('sending mail', () => {
  it('a mail arrives as it was written, from whom it says', async () => {
    const sink = await startSmtpSink()
    expect(await sender(`smtp://127.0.0.1:${sink.port}`)(MAIL)).to.deep.equal({ outcome: 'sent' })
    const [mail] = sink.mails
    expect(mail?.from).to.equal(FROM.address)
    expect(mail?.to).to.deep.equal([MAIL.to])
    expect(mail?.text.trim()).to.equal(MAIL.text.trim())
    expect(Object.fromEntries(mail?.headers ?? [])).to.include({
      from: '"Example, Inc." <no-reply@example.com>',
      to: MAIL.to,
      subject: 'Hello',
      'auto-submitted': 'auto-generated',
    })
  })

  it('nothing in a subject or a text becomes another header, recipient or mail', async () => {
    const sink = await startSmtpSink()
    const subject = 'Hello\r\nBcc: mallory@example.com\n\nbody\u2028x'
    const text = 'One\r\n.\r\nRCPT TO:<mallory@example.com>\r\n'
    await sender(`smtp://127.0.0.1:${sink.port}`)({ ...MAIL, subject, text })
    expect(sink.mails).to.have.length(1)
    const [mail] = sink.mails
    expect(mail?.to).to.deep.equal([MAIL.to])
    expect(mail?.headers.has('bcc')).to.equal(false)
    expect(mail?.headers.get('subject')).to.equal('Hello Bcc: mallory@example.com body x')
    expect(mail?.text).to.include('.\nRCPT TO:<mallory@example.com>')
  })

  it('what a server refuses for good is rejected; whatever else is wrong may be tried again', async () => {
    const sink = await startSmtpSink()
    const send = sender(`smtp://127.0.0.1:${sink.port}`)
    sink.refusals.push(550, 450)
    expect(await send(MAIL)).to.deep.equal({ outcome: 'rejected', reason: 'EENVELOPE 550' })
    expect(await send(MAIL)).to.deep.equal({ outcome: 'failed', reason: 'EENVELOPE 450' })
    expect(await send(MAIL)).to.deep.equal({ outcome: 'sent' })
    const nobody = await sender(`smtp://127.0.0.1:${await freePort()}`)(MAIL)
    expect(nobody).to.have.property('outcome', 'failed')
  })

  it('a password goes to who asks for it, and a wrong one may be tried again', async () => {
    const sink = await startSmtpSink({
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username, password }, _session, callback) => {
        if (username === 'us@er' && password === 'p:w/d') callback(null, { user: username })
        else callback(Object.assign(new Error('no'), { responseCode: 535 }))
      },
      allowInsecureAuth: true,
    })
    const at = `127.0.0.1:${sink.port}`
    expect(await sender(`smtp://us%40er:p%3Aw%2Fd@${at}`)(MAIL)).to.deep.equal({ outcome: 'sent' })
    expect(await sender(`smtp://us%40er:wrong@${at}`)(MAIL)).to.deep.equal({
      outcome: 'failed',
      reason: 'EAUTH 535',
    })
  })

  it('no mail goes to a server without TLS that should have it, nor to one whose certificate nobody knows', async () => {
    const plain = await startSmtpSink()
    const required = makeSmtp({
      server: { ...server('smtp://x.example'), host: '127.0.0.1', port: plain.port },
      from: FROM,
    })
    expect((await required(MAIL)).outcome).to.equal('failed')
    const selfSigned = await startSmtpSink({ secure: true })
    expect((await sender(`smtps://127.0.0.1:${selfSigned.port}`)(MAIL)).outcome).to.equal('failed')
    const upgraded = await startSmtpSink({ disabledCommands: ['AUTH'] })
    const byStartTls = { ...server('smtp://x.example'), host: '127.0.0.1', port: upgraded.port }
    expect((await makeSmtp({ server: byStartTls, from: FROM })(MAIL)).outcome).to.equal('failed')
    expect([...plain.mails, ...selfSigned.mails, ...upgraded.mails]).to.deep.equal([])
  })
})

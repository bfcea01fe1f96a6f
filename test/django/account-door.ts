import { expect } from 'chai'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { linksIn, type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts'
import { until } from '../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** What an answer says: its status and its body. */
export const said = ({ status, body }: Answer) => [status, body]

/** A node whose Django-shaped door is open, with a user. */
export async function openAccountDoor(options: Parameters<typeof startApp>[0] = {}) {
  const keyturn = await startApp(options)
  const alice = await keyturn.createUser('alice', { email: 'alice@example.com' })
  await (await keyturn.administration.clients()).enable('django', 'operator')
  return { keyturn, alice, ...requests(keyturn) }
}

/** What is asked of the door. */
function requests(keyturn: TestApp) {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    keyturn.send('POST', `/dj-rest-auth/${path}`, JSON.stringify(body), { ...JSON_TYPE, ...headers })
  const login = (password = keyturn.password, username = 'alice') => post('login/', { username, password })
  const bearer = (access: string) => ({ authorization: `Bearer ${access}` })
  return { post, login, bearer }
}

/** The same with a mail server, and pages that links in mails lead to. */
export async function openMailDoor(options: Parameters<typeof startApp>[0] = {}) {
  const sink = await startSmtpSink()
  const clock = new TestClock(undefined, { autoAdvance: true })
  const environment = {
    KEYTURN_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
    KEYTURN_MAIL_FROM: 'Example <no-reply@example.com>',
    KEYTURN_PASSWORD_RESET_URL: 'https://app.example.com/reset/{uid}/{token}',
    ...options.environment,
  }
  const door = await openAccountDoor({ clock, ...options, environment })
  /** Asks for a link and reads it from the mail. */
  async function link(email = 'alice@example.com') {
    const before = sink.mails.length
    expect((await door.post('password/reset/', { email })).status).to.equal(200)
    return resetLinkIn(sink, before)
  }
  /** Waits until every mail that was asked for is sent, or for nobody. */
  const allSent = () =>
    until(async () => (await door.keyturn.stores.database.query('select from mail_outbox')).length === 0)
  return { ...door, sink, clock, link, allSent }
}

/** The parts of the link in a mail, once it has come. */
export async function resetLinkIn(sink: SmtpSink, index: number) {
  await until(() => sink.mails.length > index)
  const mail = sink.mails[index]
  const url = mail && linksIn(mail)[0]
  const [, page, uid = '', token = ''] = url?.pathname.split('/') ?? []
  expect([url?.origin, page]).to.deep.equal(['https://app.example.com', 'reset'])
  return { uid, token, mail }
}

/** The key in the mail that verifies an address, once it has come. */
export async function keyIn(sink: SmtpSink, index: number): Promise<string> {
  await until(() => sink.mails.length > index)
  const mail = sink.mails[index]
  const [, page, key = ''] = (mail && linksIn(mail)[0])?.pathname.split('/') ?? []
  expect(page).to.equal('verify')
  return key
}

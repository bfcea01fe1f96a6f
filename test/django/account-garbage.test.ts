import { expect } from 'chai'
import { openMailDoor } from './account-door.ts'

const PASSWORD = 'tulip-9-harbour'
const passwords = { new_password1: PASSWORD, new_password2: PASSWORD }
const GOOD: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'password/change/': { ...passwords, old_password: 'x' },
  'password/reset/': { email: 'alice@example.com' },
  'password/reset/confirm/': { ...passwords, uid: 'MQ', token: 'A'.repeat(43) },
  'registration/': { username: 'bob', email: 'bob@example.com', password1: PASSWORD, password2: PASSWORD },
  'registration/verify-email/': { key: 'A'.repeat(43) },
  'registration/resend-email/': { email: 'alice@example.com' },
}
const GARBAGE: readonly unknown[] = [
  ...[null, true, 0, 1e21, -1.5, [], ['x'], {}, { $ne: '' }],
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud800',
    'a\udfffb',
    '\u202e',
    '\r\n',
    'a\r\nBcc: x@example.com',
    'x'.repeat(20_000),
  ],
  ...[
    "' or 1=1 --",
    '%00',
    '../../etc/passwd',
    '<script>',
    '{uid}',
    '@',
    'a@b',
    '"a b"@example.com',
    '🔑'.repeat(200),
  ],
]

describe('garbage at the endpoints of accounts', () => {
  it('S-024 each of it gets a clear answer in Django’s shape, and none a 5xx', async () => {
    const environment = {
      KEYTURN_REGISTRATION: 'open',
      KEYTURN_EMAIL_VERIFICATION: 'mandatory',
      KEYTURN_VERIFY_EMAIL_URL: 'https://app.example.com/verify/{key}',
    }
    const { keyturn, post, login, bearer, allSent } = await openMailDoor({ environment })
    const headers = bearer((await login()).body.access)
    const statuses = new Set<number>()
    for (const [path, good] of Object.entries(GOOD)) {
      const bodies = Object.keys(good).flatMap((name) =>
        GARBAGE.map((garbage) => ({ ...good, [name]: garbage })),
      )
      for (const body of bodies) {
        const answer = await post(path, body, headers)
        const said = `${path} ${JSON.stringify(body).slice(0, 200)}: ${answer.text}`
        expect(answer.status, said).to.be.oneOf([200, 201, 400, 404, 413])
        const values = Object.values(answer.body as Record<string, unknown>)
        expect(
          values.every((value) => typeof value === 'string' || Array.isArray(value)),
          said,
        ).to.equal(true)
        statuses.add(answer.status)
      }
    }
    await allSent()
    expect([...statuses].sort()).to.deep.equal([200, 201, 400, 404, 413])
    expect(keyturn.logger.lines.filter(({ level }) => level === 'error')).to.deep.equal([])
    // Without an old one, it is a good request.
    expect((await login(PASSWORD)).status).to.equal(200)
  })
})

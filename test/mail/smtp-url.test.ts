import { expect } from 'chai'
import { mailableAddress } from '../../src/mail/address.ts'
import { parseSmtpUrl } from '../../src/mail/smtp-url.ts'

describe('the address of a mail server', () => {
  const cases: readonly (readonly [string, Record<string, unknown>])[] = [
    [
      'smtps://mail.example.com',
      { host: 'mail.example.com', port: 465, tls: 'implicit', username: undefined },
    ],
    ['smtp://mail.example.com', { port: 587, tls: 'required' }],
    ['smtp://mail.example.com:25?tls=off', { port: 25, tls: 'off' }],
    ['smtp://localhost:1025', { host: 'localhost', port: 1025, tls: 'off' }],
    ['smtp://[::1]:25', { host: '::1', tls: 'off' }],
    ['smtps://us%40er:p%2Fw@h.example', { username: 'us@er', password: 'p/w' }],
    ['smtp://u:p@127.0.0.1:25', { tls: 'off', username: 'u', password: 'p' }],
  ]
  for (const [url, expected] of cases)
    it(`${url} is one`, () => expect(parseSmtpUrl(url)).to.include(expected))

  const refused = [
    ...[
      'mail.example.com',
      'http://mail.example.com',
      'smtp://',
      'smtp:///x',
      'smtp://h.example/path',
      'smtp://h.example#x',
    ],
    ...[
      'smtp://user@h.example',
      'smtps://h.example?tls=off',
      'smtp://h.example?pool=true',
      'smtp://h.example?tls=off&tls=off',
    ],
    ...['smtp://u:secret@h.example?tls=off', 'smtp://:secret@h.example'],
  ]
  for (const url of refused) {
    it(`${url} is none, and what is said of it shows nothing of it`, () => {
      expect(parseSmtpUrl(url)).to.have.property('problem').that.does.not.contain('secret')
    })
  }
})

describe('an address that mail is sent to', () => {
  it('is one plain address, its domain in ASCII', () => {
    for (const [address, expected] of [
      ['alice@example.com', 'alice@example.com'],
      ["o'brien+tag@mail.example.com", "o'brien+tag@mail.example.com"],
      ['alice@bücher.example', 'alice@xn--bcher-kva.example'],
    ] as const)
      expect(mailableAddress(address)).to.equal(expected)
  })

  it('is nothing that two parsers could read in two ways', () => {
    for (const address of [
      ...[
        '',
        '@',
        'alice',
        'alice@',
        '@example.com',
        'alice@localhost',
        'alice@127.0.0.1',
        'alice@[127.0.0.1]',
      ],
      ...[
        'a,b@example.com',
        '<alice@example.com>',
        '"a@b"@example.com',
        'a@b@example.com',
        'alice@example.com,bob@example.com',
      ],
      ...[
        'al ice@example.com',
        'alice@exa mple.com',
        'alice@example.com\r\nBcc: x@example.com',
        'alice@example.com\n',
        'Alice <alice@example.com>',
      ],
      ...[
        '.alice@example.com',
        'al..ice@example.com',
        'alice@-example.com',
        'alice@example..com',
        `${'a'.repeat(65)}@example.com`,
      ],
      ...['älice@example.com', `alice@${'a'.repeat(250)}.example.com`],
    ])
      expect(mailableAddress(address), JSON.stringify(address)).to.equal(undefined)
  })
})

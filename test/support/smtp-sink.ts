import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterwards } from './root-hooks.ts'
import { noteSecret } from './secrets.ts'

/** A mail as it arrived. */
export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
}

/** A real SMTP server that keeps what it is given. */
export interface SmtpSink {
  readonly port: number
  readonly mails: ReceivedMail[]
  /** Answers that take the place of "250 OK" to recipients, one after the other. */
  readonly refusals: number[]
}

/** Starts one, stopped after the test. By default it wants neither TLS nor a password. */
export async function startSmtpSink(options: SMTPServerOptions = {}): Promise<SmtpSink> {
  const mails: ReceivedMail[] = []
  const refusals: number[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onRcptTo(_address, _session, callback) {
      const responseCode = refusals.shift()
      callback(responseCode === undefined ? null : Object.assign(new Error('not now'), { responseCode }))
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom ? mailFrom.address : ''
        mails.push({
          from,
          to: rcptTo.map(({ address }) => address),
          ...read(Buffer.concat(chunks).toString()),
        })
        callback()
      })
    },
    ...options,
  })
  // A client that goes away is no error of the test's.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  afterwards(() => new Promise((resolve) => server.close(() => resolve())))
  return { port: (server.server.address() as AddressInfo).port, mails, refusals }
}

/** What the links in a mail lead to; whatever is in them counts as a secret from then on. */
export function linksIn({ text }: ReceivedMail): URL[] {
  const links = [...text.matchAll(/^https?:\S+$/gm)].map(([link]) => new URL(link))
  for (const { pathname } of links)
    for (const part of pathname.split('/')) if (part.length === 43) noteSecret(part)
  return links
}

function read(message: string): { headers: Map<string, string>; text: string } {
  const end = message.indexOf('\r\n\r\n')
  const lines = message
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.replace(/^[^:]*:\s*/, '')]),
  )
  const body = message.slice(end + 4).replaceAll('\r\n', '\n')
  return {
    headers,
    text: headers.get('content-transfer-encoding') === 'quoted-printable' ? unquoted(body) : body,
  }
}

function unquoted(body: string): string {
  const bytes = body
    .replace(/=\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_match, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

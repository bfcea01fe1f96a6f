import type { SendMail, SendOutcome } from './mail.ts'
import type { SmtpServer } from './smtp-url.ts'

/** A server that has said nothing for this long says nothing any more. */
const SILENCE_MS = 15_000

/** How mail leaves. */
export interface SmtpSettings {
  readonly server: SmtpServer
  readonly from: { readonly name: string; readonly address: string }
}

/**
 * Sends mail through an SMTP server, a connection each. Addresses are handed over as they are, never parsed; no file and no
 * URL is ever read into a mail.
 */
export function makeSmtp({ server, from }: SmtpSettings): SendMail {
  const options = connectionOptions(server)
  return async ({ to, subject, text }) => {
    const { createTransport } = await import('nodemailer')
    try {
      await createTransport(options).sendMail({
        from,
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        subject: oneLine(subject),
        text,
        // RFC 3834 §5: no holiday message comes back.
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
      return { outcome: 'sent' }
    } catch (error) {
      return failureOf(error)
    }
  }
}

/**
 * Connects and signs in, and sends nothing.
 * @returns why that did not work, if it did not
 */
export async function checkSmtp(server: SmtpServer): Promise<string | undefined> {
  const { createTransport } = await import('nodemailer')
  return createTransport(connectionOptions(server))
    .verify()
    .then(
      () => undefined,
      (error) => failureOf(error).reason,
    )
}

function connectionOptions({ host, port, tls, username, password }: SmtpServer) {
  return {
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'required',
    ignoreTLS: tls === 'off',
    ...(username !== undefined && password !== undefined && { auth: { user: username, pass: password } }),
    connectionTimeout: SILENCE_MS,
    greetingTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** What would end a header line does not get into one. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]+/gu, ' ')
}

/** A server that says 5xx to this mail says so again (RFC 5321 §4.2.1); whatever else is wrong may be well in a minute. */
function failureOf(error: unknown): Exclude<SendOutcome, { outcome: 'sent' }> {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown }
  const isOfMail = code === 'EENVELOPE' || code === 'EMESSAGE'
  const isFinal = isOfMail && typeof responseCode === 'number' && responseCode >= 500 && responseCode < 600
  const reason = [code, responseCode].filter((part) => ['string', 'number'].includes(typeof part)).join(' ')
  return { outcome: isFinal ? 'rejected' : 'failed', reason: reason === '' ? 'unknown' : reason }
}

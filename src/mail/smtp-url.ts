import { isIP } from 'node:net'

/** The server that takes our mail, as KEYTURN_SMTP_URL says it. */
export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** `implicit` from the first byte, `required` by STARTTLS, `off` not at all. */
  readonly tls: 'implicit' | 'required' | 'off'
  readonly username: string | undefined
  readonly password: string | undefined
}

const DEFAULT_PORTS = { 'smtps:': 465, 'smtp:': 587 } as const

/**
 * Reads `smtps://user:password@host:465` (TLS) and `smtp://user:password@host:587` (STARTTLS, which must be there; to this
 * machine, or with `?tls=off`, none).
 * @returns what is wrong, which ends the sentence "KEYTURN_SMTP_URL …" and shows nothing of the URL
 */
export function parseSmtpUrl(text: string): SmtpServer | { readonly problem: string } {
  const form = 'must be a URL such as smtps://user:password@host:465 or smtp://host:587'
  if (!URL.canParse(text)) return { problem: form }
  const { protocol, hostname, port, username, password, pathname, searchParams, hash } = new URL(text)
  if (protocol !== 'smtp:' && protocol !== 'smtps:') return { problem: form }
  if (hostname === '' || !/^\/?$/.test(pathname) || hash !== '') return { problem: form }
  if ((username === '') !== (password === ''))
    return { problem: 'must have a user and a password, or neither' }
  const tls = [...searchParams].map((pair) => pair.join('='))
  if (tls.length > 1 || (tls[0] ?? 'tls=off') !== 'tls=off')
    return { problem: 'may end in ?tls=off and nothing else' }
  if (tls.length > 0 && protocol === 'smtps:') return { problem: 'must not be smtps and tls=off' }
  const host = decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1')
  const isOff = tls.length > 0 || isThisMachine(host)
  if (isOff && protocol === 'smtp:' && username !== '' && !isThisMachine(host)) {
    return { problem: 'must not send a password without TLS' }
  }
  return {
    host,
    port: port === '' ? DEFAULT_PORTS[protocol] : Number(port),
    tls: protocol === 'smtps:' ? 'implicit' : isOff ? 'off' : 'required',
    username: username === '' ? undefined : decoded(username),
    password: password === '' ? undefined : decoded(password),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

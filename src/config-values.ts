import { isIP, isIPv4 } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { mailableAddress } from './mail/address.ts'
import { placeholdersOf } from './mail/front-end-url.ts'
import { parseSmtpUrl } from './mail/smtp-url.ts'
import { redisUrlProblem } from './redis/redis-url.ts'

/** An address as sockets want it, or a name; IPv6 is taken in brackets too, as URLs have it. */
export const host = z
  .string()
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
  .refine(isHost, 'must be an address or a host name (127.0.0.1, ::1, localhost)')

/** RFC 1123 §2.1: what consists of numbers and dots alone is an address, or nothing. */
function isHost(text: string): boolean {
  if (text.includes(':')) return isIP(text) === 6
  return /^[\d.]*$/.test(text) ? isIPv4(text) : /^\w[\w-]*(\.\w[\w-]*)*\.?$/.test(text)
}

/** A directory, as an absolute path. */
export const directory = z
  .string()
  .min(1, 'must name a directory')
  .transform((path) => resolve(path))

/** Where Redis is; the problem says what is wrong, and nothing of the password. */
export const redisUrl = z.string().superRefine((text, context) => {
  const message = redisUrlProblem(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** Where mail goes; the problem says what is wrong, and nothing of the password. */
export const smtpUrl = z.string().transform((text, context) => {
  const server = parseSmtpUrl(text)
  if (!('problem' in server)) return server
  context.addIssue({ code: 'custom', message: server.problem })
  return z.NEVER
})

/** Whom mail is from: an address, or a name and an address in angle brackets. */
export const mailFrom = z.string().transform((text, context) => {
  const [, name = '', bracketed, bare] = /^(?:([^<>"\p{C}]*)<([^<>]+)>|([^<>]+))$/u.exec(text.trim()) ?? []
  const address = mailableAddress(bracketed ?? bare ?? '')
  if (address !== undefined) return { name: name.trim(), address }
  context.addIssue({ code: 'custom', message: 'must be an address such as Example <no-reply@example.com>' })
  return z.NEVER
})

/**
 * A page of the front end, with a place in braces for each part of a link. HTTPS, but on this machine: a link is as good as a
 * password for ten minutes.
 */
export function frontEndUrl(...names: readonly string[]) {
  const example = `https://app.example.com/…/${names.map((name) => `{${name}}`).join('/')}`
  return z.string().refine((text) => {
    if (!URL.canParse(text)) return false
    const { protocol, hostname, username } = new URL(text)
    const isPrivate = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
    return isPrivate && username === '' && placeholdersOf(text).sort().join() === [...names].sort().join()
  }, `must be a URL with HTTPS such as ${example}`)
}

/** Addresses and CIDR ranges of both families, comma-separated. */
export const addresses = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(
    z.array(
      z.union(
        [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
        'must be addresses or CIDR ranges, comma-separated',
      ),
    ),
  )

/** The name of a header of the operator's own (RFC 9110 §5.1): none that HTTP or we give a meaning to. */
export const headerName = z
  .string()
  .regex(/^x-[a-z0-9-]{1,60}$/i, 'must be the name of a header that begins with X- (X-Api-Key)')
  .refine(
    (name) => !/^x-((forwarded|real|request)-|csrftoken$)/i.test(name),
    'must not be one that means something else',
  )

/** How many of something there are. */
export const count = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, 'must be a number from 1 to 999')
  .transform(Number)

/** A port to listen on; 0 takes a free one. */
export const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port number (0 to 65535)')

/** A URL of one of these protocols. */
function url(protocols: readonly string[], example: string) {
  return z.string().refine((text) => {
    return URL.canParse(text) && protocols.includes(new URL(text).protocol)
  }, `must be a URL such as ${example}`)
}

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** In seconds. */
export const DAY = UNIT_SECONDS.d

const seconds = z
  .string()
  .regex(/^(\d+|\d+(\.\d+)?[smhd])$/, 'must be whole seconds, or a number with s, m, h or d (600, 10m, 1.5h)')
  .transform((text) => Number.parseFloat(text) * (UNIT_SECONDS[text.slice(-1) as 's'] ?? 1))
  .refine((exact) => exact === 0 || exact >= 0.5, 'must be a second at least, or 0')
  .transform(Math.round)

/** A duration in seconds: whole seconds, or a number with s, m, h or d. Bounds are in seconds. */
export function duration(least: number, most: number) {
  return seconds.refine(
    (value) => value >= least && value <= most,
    `must be from ${least} to ${most} seconds`,
  )
}

/** A duration as the variables have it, in seconds; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  return seconds.safeParse(text).data
}

/** Where PostgreSQL is. */
export const databaseUrl = url(['postgres:', 'postgresql:'], 'postgres://user@host:5432/keyturn').refine(
  (text) => {
    if (!URL.canParse(text)) return true // said already
    const { hostname, pathname, searchParams } = new URL(text)
    return (hostname !== '' || searchParams.has('host')) && pathname.length > 1
  },
  'must name the host and the database (postgres://user@host:5432/keyturn)',
)

/** What stands in `iss`. */
export const issuer = url(['http:', 'https:'], 'https://id.example.com').refine((text) => {
  return URL.canParse(text) && new URL(text).origin === text
}, 'must be an origin alone, without path, query, fragment or trailing slash (https://id.example.com)')

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

/** Whether a host is this machine alone; the default (undefined) is. */
export function isLoopback(host: string | undefined): boolean {
  return host === undefined || LOOPBACK_HOSTS.has(host) || /^127(\.\d{1,3}){3}$/.test(host)
}

import { isIP, isIPv4 } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
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

/** A port to listen on; 0 takes a free one. */
export const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port number (0 to 65535)')

/** A URL of one of these protocols. */
export function url(protocols: readonly string[], example: string) {
  return z.string().refine((text) => {
    return URL.canParse(text) && protocols.includes(new URL(text).protocol)
  }, `must be a URL such as ${example}`)
}

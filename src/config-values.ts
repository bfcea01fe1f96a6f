import { resolve } from 'node:path'
import { z } from 'zod'
import { redisUrlProblem } from './redis/redis-url.ts'

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

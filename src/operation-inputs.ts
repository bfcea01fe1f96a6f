import { z } from 'zod'

// What each operation takes (operations.ts), as plain data.

/** PostgreSQL's text has no NUL. */
export const text = z.string().refine((value) => !value.includes('\0'), 'must not contain NUL')
export const name = z.object({ name: text })
export const page = z.object({ limit: z.number().int().min(1).max(10_000), after: text.optional() })
export const id = z.object({ id: text })

export const endAll = z
  .object({ user: text, client: text, issuedBefore: z.iso.datetime({ offset: true }) })
  .partial()
  .refine(
    (input) => Object.values(input).filter((flag) => flag !== undefined).length === 1,
    'must be one thing',
  )

export const auditQuery = z.object({
  limit: page.shape.limit,
  event: text.optional(),
  user: text.optional(),
  afterPosition: z.number().int().optional(),
})
export const auditPart = z.object({ next: z.string().optional(), expect: z.string().optional() })
export const secretRotation = id.extend({ endsEarlier: z.boolean().optional() })

export const newAuthtoken = z.object({
  user: text,
  name: text,
  expiresInSeconds: z.number().int().optional(),
})

export const newApiKey = z.object({
  name: text,
  user: text.optional(),
  scopes: z.array(text).optional(),
  audiences: z.array(text).optional(),
  accessTokenTtlSeconds: z.number().int().optional(),
  expiresInSeconds: z.number().int().optional(),
})

export const newUser = z.object({
  username: z.string(),
  email: z.string().optional(),
  password: z.string().optional(),
  isStaff: z.boolean().optional(),
  isSuperuser: z.boolean().optional(),
})

export const newClient = z.object({
  name: z.string(),
  isPublic: z.boolean().optional(),
  isNative: z.boolean().optional(),
  isFirstParty: z.boolean().optional(),
  grants: z.array(z.string()).optional(),
  scopes: z.array(z.string()).optional(),
  audiences: z.array(z.string()).optional(),
  redirectUris: z.array(z.string()).optional(),
  allowedOrigins: z.array(z.string()).optional(),
  latePolicy: z.enum(['supersede', 'revoke']).optional(),
  accessTokenAlg: text.optional(),
  accessTokenTtlSeconds: z.number().optional(),
  refreshIdleTtlSeconds: z.number().optional(),
  refreshAbsoluteTtlSeconds: z.number().optional(),
  unrememberedTtlSeconds: z.number().optional(),
})

const changeable = {
  name: z.string().optional(),
  ...newClient.pick({
    scopes: true,
    audiences: true,
    redirectUris: true,
    allowedOrigins: true,
    latePolicy: true,
  }).shape,
  accessTokenAlg: text.nullish(),
  accessTokenTtlSeconds: z.number().nullish(),
  refreshIdleTtlSeconds: z.number().nullish(),
  refreshAbsoluteTtlSeconds: z.number().nullish(),
  unrememberedTtlSeconds: z.number().nullish(),
}
export const changedClient = z.object({ id: text, changes: z.object(changeable) })

export const newWebhook = z.object({ url: z.string(), events: z.array(text) })

export const importedRows = z.object({
  rows: z.array(z.object({ line: z.number().int(), fields: z.record(z.string(), z.unknown()) })).max(10_000),
  isLegacyAllowed: z.boolean(),
  isDryRun: z.boolean().optional(),
  dropsDuplicateEmails: z.boolean().optional(),
})

const moment = z.iso.datetime({ offset: true }).transform((value) => new Date(value))
export const importedAuthtokens = z.object({
  rows: z
    .array(z.object({ userId: text, digest: z.string().regex(/^[0-9a-f]{64}$/), createdAt: moment }))
    .max(10_000),
})
export const acceptedOldKey = z.object({
  text,
  algorithm: text,
  acceptUntil: moment,
  isListRequired: z.boolean(),
  isDryRun: z.boolean(),
})
export const importedOldTokens = z.object({
  rows: z
    .array(z.object({ jti: text, userId: text, expiresAt: moment, isBlacklisted: z.boolean() }))
    .max(10_000),
})
export const importedApiKeys = z.object({
  rows: z
    .array(
      z.object({
        prefix: text,
        importedHash: text,
        name: text,
        createdAt: moment,
        expiresAt: moment.nullable(),
        revokedAt: moment.nullable(),
      }),
    )
    .max(10_000),
})

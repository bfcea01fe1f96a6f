import { z } from 'zod'
import type { Administration } from './administration.ts'
import type { Client } from './clients/client.ts'
import {
  acceptedOldKey,
  auditPart,
  auditQuery,
  changedClient,
  endAll,
  id,
  importedApiKeys,
  importedAuthtokens,
  importedOldTokens,
  importedRows,
  name,
  newApiKey,
  newAuthtoken,
  newClient,
  newUser,
  newWebhook,
  page,
  secretRotation,
  text,
} from './operation-inputs.ts'
import { Refusal } from './refusal.ts'

/** The operator at the command line, in audit rows. */
const ACTOR = 'operator'

/** One thing that can be asked of the administration by name, with plain data in and out. */
function operation<Input>(
  input: z.ZodType<Input>,
  run: (administration: Administration, input: Input) => Promise<unknown>,
) {
  return async (administration: Administration, unchecked: unknown) => {
    const checked = input.safeParse(unchecked)
    if (checked.success) return run(administration, checked.data)
    const [issue] = checked.error.issues
    throw new Refusal('input_invalid', `${issue?.path.join('.')}: ${issue?.message}`)
  }
}

/**
 * What the command line can ask, of the running process through its control socket or of a database directly: one table
 * for both, so that they cannot differ.
 */
const OPERATIONS = {
  'users.create': operation(newUser, async (administration, input) => {
    return (await administration.users()).create(input, ACTOR)
  }),
  'users.import': operation(importedRows, async (administration, { rows, ...options }) => {
    return (await administration.users()).importRows(rows, options, ACTOR)
  }),
  'users.list': operation(page, async (administration, input) => {
    return (await administration.users()).list(input.limit, input.after)
  }),
  'users.show': operation(name, async (administration, input) =>
    (await administration.users()).show(input.name),
  ),
  'users.set-password': operation(name.extend({ password: z.string() }), async (administration, input) => {
    return (await administration.users()).setPassword(input.name, input.password, ACTOR)
  }),
  'users.verify-email': operation(name, async (administration, input) => {
    return (await administration.users()).verifyEmail(input.name, ACTOR)
  }),
  'users.disable': operation(name, async (administration, input) => {
    return (await administration.users()).disable(input.name, ACTOR)
  }),
  'users.enable': operation(name, async (administration, input) => {
    return (await administration.users()).enable(input.name, ACTOR)
  }),
  'users.delete': operation(name, async (administration, input) => {
    return (await administration.users()).remove(input.name, ACTOR)
  }),
  'clients.create': operation(newClient, async (administration, input) => {
    const { client, secret } = await (await administration.clients()).create(input, ACTOR)
    return { clientId: client.id, ...(secret !== undefined && { clientSecret: secret }) }
  }),
  'clients.list': operation(page, async (administration, input) => {
    const clients = await (await administration.clients()).list(input.limit, input.after)
    return clients.map(describeClient)
  }),
  'clients.show': operation(id, async (administration, input) => {
    return describeClient(await (await administration.clients()).show(input.id))
  }),
  'clients.update': operation(changedClient, async (administration, input) => {
    return describeClient(await (await administration.clients()).update(input.id, input.changes, ACTOR))
  }),
  'clients.rotate-secret': operation(secretRotation, async (administration, input) => {
    const clients = await administration.clients()
    const { secret, earlierEndsAt } = await clients.rotateSecret(input.id, ACTOR, input)
    return { clientId: input.id, clientSecret: secret, earlierSecretEndsAt: earlierEndsAt }
  }),
  'clients.disable': operation(id, async (administration, input) => {
    return describeClient(await (await administration.clients()).disable(input.id, ACTOR))
  }),
  'clients.enable': operation(id, async (administration, input) => {
    return describeClient(await (await administration.clients()).enable(input.id, ACTOR))
  }),
  'webhooks.create': operation(newWebhook, async (administration, input) => {
    return (await administration.webhooks()).create(input, ACTOR)
  }),
  'webhooks.list': operation(page, async (administration, input) => {
    return (await administration.webhooks()).list(input.limit, input.after)
  }),
  'webhooks.delete': operation(id, async (administration, input) => {
    await (await administration.webhooks()).remove(input.id, ACTOR)
    return { id: input.id }
  }),
  'webhooks.test': operation(id, async (administration, input) => {
    return (await administration.webhooks()).test(input.id)
  }),
  'webhooks.failures': operation(page.extend({ id: text }), async (administration, input) => {
    return (await administration.webhooks()).failures(input.id, input.limit, input.after)
  }),
  'webhooks.retry': operation(id, async (administration, input) => {
    return { id: input.id, retried: await (await administration.webhooks()).retry(input.id) }
  }),
  'sessions.list': operation(
    page.extend({ user: text.optional(), client: text.optional() }),
    async (administration, { limit, after, ...filter }) => {
      return (await administration.sessions()).list(filter, limit, after)
    },
  ),
  'sessions.end': operation(id, async (administration, input) => {
    return { id: input.id, ended: await (await administration.sessions()).end(input.id, ACTOR) }
  }),
  'sessions.end-all': operation(endAll, async (administration, { user, client, issuedBefore }) => {
    const sessions = await administration.sessions()
    if (user !== undefined) return { username: user, ended: await sessions.endOfUser(user, ACTOR) }
    if (client !== undefined) {
      await sessions.endOfClient(client, ACTOR)
      return { clientId: client }
    }
    const moment = new Date(issuedBefore ?? '')
    await sessions.endIssuedBefore(moment, ACTOR)
    return { issuedBefore: moment }
  }),
  'authtokens.show-default': operation(z.object({ user: text }), async (administration, { user }) => {
    return { username: user, token: await (await administration.authtokens()).showDefault(user, ACTOR) }
  }),
  'authtokens.create': operation(newAuthtoken, async (administration, { user, ...details }) => {
    const made = await (await administration.authtokens()).createNamed(user, details, ACTOR)
    return { username: user, id: made.id, token: made.key, expiresAt: made.expiresAt }
  }),
  'authtokens.create-missing': operation(page, async (administration, { limit, after }) => {
    return (await administration.authtokens()).createMissing(limit, after, ACTOR)
  }),
  'authtokens.import': operation(importedAuthtokens, async (administration, { rows }) => {
    const tokens = rows.map(({ digest, ...row }) => ({ ...row, digest: Buffer.from(digest, 'hex') }))
    return (await administration.authtokens()).importKeys(tokens, ACTOR)
  }),
  'authtokens.list': operation(page.extend({ user: text.optional() }), async (administration, input) => {
    return (await administration.authtokens()).list(input.user, input.limit, input.after)
  }),
  'authtokens.revoke': operation(id, async (administration, input) => {
    await (await administration.authtokens()).revoke(input.id, ACTOR)
    return { id: input.id }
  }),
  'api-keys.create': operation(newApiKey, async (administration, input) => {
    return (await administration.apiKeys()).create(input, ACTOR)
  }),
  'api-keys.import': operation(importedApiKeys, async (administration, { rows }) => {
    const keys = rows.map((row) => ({ ...row, scopes: [], audiences: [] }))
    return (await administration.apiKeys()).importKeys(keys, ACTOR)
  }),
  'api-keys.list': operation(page.extend({ user: text.optional() }), async (administration, input) => {
    return (await administration.apiKeys()).list(input.user, input.limit, input.after)
  }),
  'api-keys.revoke': operation(id, async (administration, input) => {
    await (await administration.apiKeys()).revoke(input.id, ACTOR)
    return { id: input.id }
  }),
  'old-tokens.accept': operation(acceptedOldKey, async (administration, { isDryRun, ...details }) => {
    return (await administration.oldTokens()).accept(details, { isDryRun }, ACTOR)
  }),
  'old-tokens.import': operation(importedOldTokens, async (administration, { rows }) => {
    return (await administration.oldTokens()).importAll(rows, ACTOR)
  }),
  'audit.tail': operation(auditQuery, async (administration, input) => {
    return (await administration.audit()).tail(input)
  }),
  'audit.verify': operation(auditPart, async (administration, input) => {
    return (await administration.audit()).verify(input)
  }),
  explain: operation(z.object({ text }), (administration, input) => administration.explain(input.text)),
  'keys.reseal': operation(z.object({ isInsisted: z.boolean() }), async (administration, input) => {
    return (await administration.resealing()).reseal(input, ACTOR)
  }),
  'keys.list': operation(z.object({}), async (administration) => (await administration.keys()).listKeys()),
  'keys.plan': operation(z.object({}), async (administration) => (await administration.keys()).planKeys()),
  'keys.draw': operation(z.object({}), async (administration) => (await administration.keys()).drawKeys()),
  'keys.rotate': operation(
    z.object({ now: z.boolean(), algorithm: text.optional() }),
    async (administration, input) => {
      return (await administration.keys()).rotateKeys(input, ACTOR)
    },
  ),
  'keys.revoke': operation(z.object({ kid: text }), async (administration, input) => {
    return (await administration.keys()).revokeKey(input.kid, ACTOR)
  }),
  'keys.import': operation(
    z.object({ text, algorithm: text.optional() }),
    async (administration, { text, algorithm }) => {
      return (await administration.keys()).importKey(text, algorithm, ACTOR)
    },
  ),
} as const

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS

/** The names of all operations. */
export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[]

/**
 * Runs one operation.
 * @param input plain data; checked against the operation's own form
 * @returns plain data: dates as ISO 8601 once it has gone through JSON
 * @throws Refusal, Unavailable, SealingKeyProblem as the operation does
 */
export function runOperation(
  name: OperationName,
  administration: Administration,
  input: unknown,
): Promise<unknown> {
  return OPERATIONS[name](administration, input)
}

/** A client as an operator sees it, by the names that the command line and RFC 7591 have for its fields. */
function describeClient(client: Client) {
  const { id: clientId, isConfidential, ...rest } = client
  return { clientId, type: isConfidential ? 'confidential' : 'public', ...rest }
}

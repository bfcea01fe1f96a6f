import { type ApiKeyAdministration, apiKeyAdministration } from './api-keys/administration.ts'
import { apiKeysPostgres } from './api-keys/api-keys-postgres.ts'
import { type AuditAdministration, auditAdministration } from './audit/administration.ts'
import { auditLogPostgres } from './audit/audit-log-postgres.ts'
import type { KeyOf } from './audit/verification.ts'
import { type AuthtokenAdministration, authtokenAdministration } from './authtokens/administration.ts'
import { authtokensPostgres } from './authtokens/authtokens-postgres.ts'
import { showDefaultAuthtoken } from './authtokens/default-authtoken.ts'
import { type ClientAdministration, clientAdministration } from './clients/administration.ts'
import { clientsPostgres } from './clients/clients-postgres.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { explain } from './explaining.ts'
import { type KeyAdministration, keyAdministration } from './keys/administration.ts'
import { requireSigning } from './keys/algorithm-choice.ts'
import type { Resealing } from './keys/resealing.ts'
import { resealingPostgres } from './keys/resealing-postgres.ts'
import type { KeySchedule } from './keys/schedule.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { readKeys, signingKeysPostgres } from './keys/signing-keys-postgres.ts'
import { symmetricKeysOnDemand } from './keys/symmetric-keys-on-demand.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Hasher } from './passwords/hasher.ts'
import type { Database } from './postgres/database.ts'
import { Refusal } from './refusal.ts'
import { type SessionAdministration, sessionAdministration } from './sessions/administration.ts'
import { sessionsPostgres } from './sessions/sessions-postgres.ts'
import { type OldTokenAdministration, oldTokenAdministration } from './swap/administration.ts'
import { oldTokensPostgres } from './swap/old-tokens-postgres.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Explanation } from './tokens/explanation.ts'
import { type UserAdministration, userAdministration } from './users/administration.ts'
import { usersPostgres } from './users/users-postgres.ts'
import { type WebhookAdministration, webhookAdministration } from './webhooks/administration.ts'
import { resolveHost } from './webhooks/public-address.ts'
import { makeSendWebhook } from './webhooks/send.ts'
import { webhooksPostgres } from './webhooks/webhooks-postgres.ts'

/**
 * Everything an operator may do, by subject. Each part is built when it is first asked for: a command about clients
 * needs neither the sealing key nor a hashing process.
 */
export interface Administration {
  users(): Promise<UserAdministration>
  clients(): Promise<ClientAdministration>
  sessions(): Promise<SessionAdministration>
  /** Needs the sealing key for default keys only. */
  authtokens(): Promise<AuthtokenAdministration>
  apiKeys(): Promise<ApiKeyAdministration>
  /** Needs the sealing key for accepting a key only. */
  oldTokens(): Promise<OldTokenAdministration>
  /** Needs the sealing key for new ones and for tests. */
  webhooks(): Promise<WebhookAdministration>
  /** What seals something throws SealingKeyProblem where the sealing key is missing or malformed; a revocation needs none. */
  keys(): Promise<KeyAdministration>
  /** @throws SealingKeyProblem where the sealing key is missing or malformed */
  resealing(): Promise<Resealing>
  /** Needs the sealing key for verifying only. */
  audit(): Promise<AuditAdministration>
  /** @throws Refusal `not_explainable`, SealingKeyProblem */
  explain(text: string): Promise<Explanation>
}

/** What the administration works on. */
export interface AdministrationParts {
  readonly config: Config
  readonly database: Database
  readonly hasher: () => Hasher
  readonly sealingKey: () => Promise<SealingKey>
  readonly schedule: KeySchedule
  readonly clock: Clock
  readonly logger: Logger
}

/** Builds the administration over a database. It needs no running server. */
export function buildAdministration(parts: AdministrationParts): Administration {
  const { database, schedule, clock } = parts
  const authtokenParts = {
    authtokens: authtokensPostgres(database),
    keys: symmetricKeysOnDemand('authtoken', async () =>
      symmetricKeysPostgres({ database, sealingKey: await parts.sealingKey() }),
    ),
    clock,
  }
  return {
    async users() {
      // Before a user is made whose authtoken could not be.
      if (parts.config.authtokenWithUser) await parts.sealingKey()
      return userAdministration({
        users: usersPostgres(database),
        hasher: parts.hasher(),
        clock,
        makeAuthtoken: parts.config.authtokenWithUser ? showDefaultAuthtoken(authtokenParts) : undefined,
      })
    },
    async clients() {
      return clientAdministration({
        clients: clientsPostgres(database),
        requireSigning: async (algorithm) => {
          const { keys, now } = await readKeys(database)
          requireSigning(algorithm, keys, now, schedule)
        },
        clock,
      })
    },
    async sessions() {
      const users = usersPostgres(database)
      return sessionAdministration({
        sessions: sessionsPostgres(database),
        findUserId: async (name) => (await users.findByIdentifier(name))?.user.id,
        clock,
      })
    },
    async authtokens() {
      const users = usersPostgres(database)
      return authtokenAdministration({
        ...authtokenParts,
        findUserId: async (name) => (await users.findByIdentifier(name))?.user.id,
      })
    },
    async apiKeys() {
      const users = usersPostgres(database)
      return apiKeyAdministration({
        apiKeys: apiKeysPostgres(database),
        findUserId: async (name) => (await users.findByIdentifier(name))?.user.id,
        clock,
      })
    },
    async oldTokens() {
      return oldTokenAdministration({
        oldTokens: oldTokensPostgres(database),
        symmetricKeys: async () => symmetricKeysPostgres({ database, sealingKey: await parts.sealingKey() }),
        clock,
      })
    },
    async webhooks() {
      const allowsPrivate = parts.config.webhookPrivateNetworks
      return webhookAdministration({
        webhooks: webhooksPostgres(database),
        keys: symmetricKeysOnDemand('webhook', async () =>
          symmetricKeysPostgres({ database, sealingKey: await parts.sealingKey() }),
        ),
        send: makeSendWebhook({ resolve: resolveHost, allowsPrivate }),
        allowsPrivate,
        clock,
      })
    },
    async keys() {
      let held: Promise<SealingKey> | undefined
      const sealingKey = () => {
        held ??= parts.sealingKey()
        return held
      }
      const signingKeys = signingKeysPostgres({ database, sealingKey })
      return keyAdministration({ signingKeys, schedule })
    },
    async resealing() {
      return resealingPostgres({ database, sealingKey: await parts.sealingKey() })
    },
    async audit() {
      const users = usersPostgres(database)
      return auditAdministration({
        log: auditLogPostgres(database),
        keys: () => auditKeys(parts),
        findUserId: async (name) => (await users.findByIdentifier(name))?.user.id,
      })
    },
    async explain(text) {
      return explain(text, { ...parts, sealingKey: await parts.sealingKey() })
    },
  }
}

/** The keys of the audit log's chain. One that exists and cannot be opened is no verdict on what it chained. */
async function auditKeys({ database, sealingKey }: AdministrationParts): Promise<KeyOf> {
  const stored = symmetricKeysPostgres({ database, sealingKey: await sealingKey() })
  const { keys, unopened } = await stored.load('audit')
  return (version) => {
    if (unopened.includes(version)) {
      throw new Refusal('audit_key_unopened', `version ${version} of the audit key cannot be opened`)
    }
    return keys.find((key) => key.version === version)?.key
  }
}

import { auditLogPostgres } from './audit/audit-log-postgres.ts'
import type { Clock } from './clock.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { symmetricKeysOnDemand } from './keys/symmetric-keys-on-demand.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Database } from './postgres/database.ts'
import type { Logger } from './telemetry/logger.ts'
import { makeWebhookDelivery, type WebhookDelivery } from './webhooks/delivery.ts'
import { resolveHost } from './webhooks/public-address.ts'
import { makeSendWebhook } from './webhooks/send.ts'
import { webhooksPostgres } from './webhooks/webhooks-postgres.ts'

/** Builds what tells webhooks of what happens. */
export function buildWebhookDelivery(parts: {
  config: { readonly webhookPrivateNetworks: boolean }
  database: Database
  sealingKey: SealingKey
  clock: Clock
  logger: Logger
}): WebhookDelivery {
  const { config, database, clock, logger } = parts
  return makeWebhookDelivery({
    webhooks: webhooksPostgres(database),
    log: auditLogPostgres(database),
    keys: symmetricKeysOnDemand('webhook', async () => symmetricKeysPostgres(parts)),
    send: makeSendWebhook({ resolve: resolveHost, allowsPrivate: config.webhookPrivateNetworks }),
    clock,
    logger,
  })
}

import type { Knex } from 'knex'
import { up as users } from './0001-users.ts'
import { up as clients } from './0002-clients.ts'
import { up as sessions } from './0003-sessions.ts'
import { up as keys } from './0004-keys.ts'
import { up as audit } from './0005-audit.ts'
import { up as knownSessions } from './0006-sessions-as-people-know-them.ts'
import { up as auditChain } from './0007-audit-chain.ts'
import { up as keyLife } from './0008-key-life.ts'
import { up as resealing } from './0009-resealing.ts'
import { up as accessTokenAlg } from './0010-access-token-alg.ts'
import { up as authtokens } from './0011-authtokens.ts'
import { up as apiKeys } from './0012-api-keys.ts'
import { up as accountsMail } from './0013-accounts-mail.ts'
import { up as clientOrigins } from './0014-client-origins.ts'
import { up as oldRefreshTokens } from './0015-old-refresh-tokens.ts'
import { up as webhooks } from './0016-webhooks.ts'
import { up as rateLimits } from './0017-rate-limits.ts'

/**
 * Every migration, in order. Forward only; each must run while the previous release still serves. The name is what
 * the database remembers: never rename one.
 */
export const MIGRATIONS: readonly { name: string; up: (knex: Knex) => Promise<void> }[] = [
  { name: '0001-users', up: users },
  { name: '0002-clients', up: clients },
  { name: '0003-sessions', up: sessions },
  { name: '0004-keys', up: keys },
  { name: '0005-audit', up: audit },
  { name: '0006-sessions-as-people-know-them', up: knownSessions },
  { name: '0007-audit-chain', up: auditChain },
  { name: '0008-key-life', up: keyLife },
  { name: '0009-resealing', up: resealing },
  { name: '0010-access-token-alg', up: accessTokenAlg },
  { name: '0011-authtokens', up: authtokens },
  { name: '0012-api-keys', up: apiKeys },
  { name: '0013-accounts-mail', up: accountsMail },
  { name: '0014-client-origins', up: clientOrigins },
  { name: '0015-old-refresh-tokens', up: oldRefreshTokens },
  { name: '0016-webhooks', up: webhooks },
  { name: '0017-rate-limits', up: rateLimits },
]

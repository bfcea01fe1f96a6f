import type { ShowDefaultAuthtoken } from './authtokens/default-authtoken.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Links } from './links/links.ts'
import { linksPostgres } from './links/links-postgres.ts'
import { makeRequestMail, prepareAccountMails, type RequestMail } from './mail/account-mails.ts'
import { type Delivery, makeDelivery } from './mail/delivery.ts'
import { outboxPostgres } from './mail/outbox-postgres.ts'
import { makeSmtp } from './mail/smtp.ts'
import type { Hasher } from './passwords/hasher.ts'
import type { Database } from './postgres/database.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { makeVerifyEmail, type VerifyEmail } from './users/email-verification.ts'
import type { Login } from './users/login.ts'
import { type ChangeOwnPassword, makeChangeOwnPassword } from './users/own-password.ts'
import { makeResetPassword, type ResetPassword } from './users/password-reset.ts'
import { makeRegister, type Register } from './users/registration.ts'
import type { Users } from './users/users.ts'

/** What the parts are built over. */
export interface AccountsParts {
  readonly config: Config
  readonly database: Database
  readonly users: Users
  readonly login: Login
  readonly hasher: Hasher
  readonly metrics: Metrics
  readonly showDefaultAuthtoken: ShowDefaultAuthtoken
  readonly countRegistration: () => Promise<void>
  readonly countMail: (address: string) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

/** What users do for themselves with their accounts. */
export interface Accounts {
  readonly changeOwnPassword: ChangeOwnPassword
  readonly resetPassword: ResetPassword
  readonly requestPasswordResetMail: RequestMail | undefined
  readonly register: Register | undefined
  readonly requestVerificationMail: RequestMail | undefined
  readonly verifyEmail: VerifyEmail
  /** Undefined where there is no server for mail. */
  readonly delivery: Delivery | undefined
}

/** Builds them over a database. */
export function buildAccounts(parts: AccountsParts): Accounts {
  const { config } = parts
  const links = linksPostgres(parts.database)
  const mail = buildMail(parts, links)
  return {
    changeOwnPassword: makeChangeOwnPassword(parts),
    resetPassword: makeResetPassword({ ...parts, links }),
    requestPasswordResetMail: config.passwordResetUrl === undefined ? undefined : mail?.request,
    register:
      config.registration === 'closed'
        ? undefined
        : counted(
            parts.countRegistration,
            makeRegister({
              ...parts,
              mustVerify: config.emailVerification === 'mandatory',
              makeAuthtoken: config.authtokenWithUser ? parts.showDefaultAuthtoken : undefined,
            }),
          ),
    requestVerificationMail: config.emailVerification === 'none' ? undefined : mail?.request,
    verifyEmail: makeVerifyEmail(parts),
    delivery: mail?.delivery,
  }
}

/** @throws TooManyRequests, before anything is done */
function counted(count: () => Promise<void>, register: Register): Register {
  return async (registration) => {
    await count()
    return register(registration)
  }
}

function buildMail(
  { countMail, config, database, users, metrics, clock, logger }: AccountsParts,
  links: Links,
) {
  const { smtp: server, mailFrom: from } = config
  if (!server || !from) return undefined
  const outbox = outboxPostgres(database)
  const delivery = makeDelivery({
    outbox,
    prepare: prepareAccountMails({
      users,
      links,
      site: new URL(config.issuer).host,
      passwordResetUrl: config.passwordResetUrl,
      verifyEmailUrl: config.verifyEmailUrl,
      clock,
    }),
    send: makeSmtp({ server, from }),
    count: (purpose, outcome) => metrics.mails.inc({ purpose, outcome }),
    clock,
    logger,
  })
  const requestMail = makeRequestMail({ outbox, delivery, clock })
  const request: RequestMail = async (purpose, address) => {
    await countMail(address)
    await requestMail(purpose, address)
  }
  return { delivery, request }
}

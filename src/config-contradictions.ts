import { isLoopback } from './config-values.ts'
import type { Values } from './config-variables.ts'

/** Mistakes that lie between variables. A variable that is wrong by itself is not blamed twice. */
export function contradictions(values: Partial<Values>, environment: NodeJS.ProcessEnv): string[] {
  const problems: string[] = []
  const database = values.KEYTURN_DATABASE_URL ?? environment['KEYTURN_DATABASE_URL']
  if (environment['KEYTURN_REDIS_URL'] !== undefined && database === undefined) {
    problems.push(
      'KEYTURN_REDIS_URL needs KEYTURN_DATABASE_URL: PostgreSQL is the record, Redis only its fast path',
    )
  }
  if (database === undefined && values.KEYTURN_EMBEDDED === undefined) {
    const asked = [
      isLoopback(values.KEYTURN_HOST) ? '' : 'KEYTURN_HOST is not a loopback address',
      isLoopback(values.KEYTURN_ISSUER && new URL(values.KEYTURN_ISSUER).hostname)
        ? ''
        : 'KEYTURN_ISSUER is not local',
      environment['NODE_ENV'] === 'production' ? 'NODE_ENV is production' : '',
    ].filter(Boolean)
    if (asked.length > 0) {
      problems.push(
        `${asked.join(' and ')}, but there is no database: set KEYTURN_DATABASE_URL, ` +
          'or KEYTURN_EMBEDDED=1 to run on the embedded one all the same',
      )
    }
  }
  if (database !== undefined && values.KEYTURN_EMBEDDED !== undefined) {
    problems.push(
      'KEYTURN_EMBEDDED asks for the embedded database and KEYTURN_DATABASE_URL for another: remove one of them',
    )
  }
  if (database === undefined && (values.KEYTURN_WORKERS ?? 1) > 1) {
    problems.push(
      'KEYTURN_WORKERS above 1 needs KEYTURN_DATABASE_URL: the embedded database belongs to one process',
    )
  }
  if (values.KEYTURN_PORT === 0 && environment['KEYTURN_ISSUER'] === undefined) {
    problems.push('KEYTURN_ISSUER is needed where KEYTURN_PORT is 0: the port is not known beforehand')
  }
  const { KEYTURN_REFRESH_IDLE_TTL: idle, KEYTURN_REFRESH_ABSOLUTE_TTL: absolute } = values
  if (idle !== undefined && absolute !== undefined && idle > absolute) {
    problems.push('KEYTURN_REFRESH_IDLE_TTL must not be longer than KEYTURN_REFRESH_ABSOLUTE_TTL')
  }
  const { KEYTURN_PORT: main, KEYTURN_METRICS_PORT: metrics } = values
  if (main !== undefined && main === metrics && main !== 0) {
    problems.push('KEYTURN_METRICS_PORT must differ from KEYTURN_PORT')
  }
  problems.push(...mailContradictions(values, environment))
  return problems
}

/** What mail needs: whether it is right is said elsewhere. */
function mailContradictions(values: Partial<Values>, environment: NodeJS.ProcessEnv): string[] {
  const hasSmtp = environment['KEYTURN_SMTP_URL'] !== undefined
  const hasFrom = environment['KEYTURN_MAIL_FROM'] !== undefined
  const problems: string[] = []
  if (hasSmtp && !hasFrom) problems.push('KEYTURN_SMTP_URL needs KEYTURN_MAIL_FROM: whom mail is from')
  if (hasFrom && !hasSmtp)
    problems.push('KEYTURN_MAIL_FROM needs KEYTURN_SMTP_URL: the server that takes mail')
  if (!hasSmtp && environment['KEYTURN_PASSWORD_RESET_URL'] !== undefined) {
    problems.push('KEYTURN_PASSWORD_RESET_URL needs KEYTURN_SMTP_URL: the link goes out by mail')
  }
  const verification = values.KEYTURN_EMAIL_VERIFICATION ?? 'none'
  for (const needed of ['KEYTURN_SMTP_URL', 'KEYTURN_VERIFY_EMAIL_URL']) {
    if (verification === 'none' || environment[needed] !== undefined) continue
    problems.push(`KEYTURN_EMAIL_VERIFICATION=${verification} needs ${needed}: a link goes out by mail`)
  }
  return problems
}

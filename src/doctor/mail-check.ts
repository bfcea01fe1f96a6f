import type { Config } from '../config.ts'
import { checkSmtp } from '../mail/smtp.ts'
import { type CheckResult, fail, ok, skipped } from './check.ts'

/** Whether the server that takes mail lets us in. Nothing is sent. */
export async function mailCheck({ smtp, mailFrom }: Pick<Config, 'smtp' | 'mailFrom'>): Promise<CheckResult> {
  if (!smtp || !mailFrom) return { check: 'mail', ...skipped('no server for mail is configured') }
  const server = `${smtp.host}:${smtp.port}`
  const reason = await checkSmtp(smtp)
  if (reason === undefined) return { check: 'mail', ...ok(`${server} lets us in`) }
  const advice = 'see that KEYTURN_SMTP_URL is right; mails wait eight minutes and are given up then'
  return { check: 'mail', ...fail(`${server}: ${reason}`, advice) }
}

import type { Config } from '../config.ts'
import { isLoopback } from '../config-values.ts'
import { type CheckResult, ok, warn } from './check.ts'

/** What the configuration itself tells. That it can be read at all is known: else there would be no doctor. */
export function configurationChecks(config: Config): CheckResult[] {
  return [
    { check: 'configuration', ...ok(`${config.mode} mode, every variable is understood`) },
    { check: 'issuer', ...issuer(config.issuer) },
  ]
}

function issuer(url: string) {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:') return ok(url)
  if (isLoopback(hostname)) return ok(`${url}, for this machine only`)
  return warn(
    `${url} is not https: passwords and tokens can be read on their way`,
    'terminate TLS in front of Keyturn and set KEYTURN_ISSUER to the https address',
  )
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { UnpackedPackages } from '../support/debian-packages.ts'
import { startGuard } from '../support/guard.ts'
import { freePort } from '../support/ports.ts'
import { afterwards } from '../support/root-hooks.ts'
import { serverDirectory, serverUser } from '../support/server-user.ts'
import { until } from '../support/until.ts'

/** What Apache is told about Keyturn. */
export interface ApacheSettings {
  readonly issuer: string
  readonly audience: string
  /** mod_auth_openidc takes no other than https. */
  readonly openidcJwksUrl: string
  readonly oauth2JwksUrl: string
  /** How long mod_oauth2 keeps the key set. What it has found out of a token it keeps for as long, a minute at most. */
  readonly oauth2ExpirySeconds: number
}

const MODULES = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'alias', 'auth_openidc', 'oauth2']

const LONGEST_RESULT_SECONDS = 60

/** An Apache with both modules, set up as docs/resource-servers.md says: `/openidc/hello` and `/oauth2/hello`. */
export async function startApache(packages: UnpackedPackages, settings: ApacheSettings): Promise<string> {
  const directory = serverDirectory('apache')
  mkdirSync(join(directory, 'www'))
  writeFileSync(join(directory, 'www/hello'), 'Hello!')
  const port = await freePort()
  writeFileSync(join(directory, 'apache.conf'), configuration(packages.root, directory, port, settings))
  const apache = await startGuard({
    command: join(packages.root, 'usr/sbin/apache2'),
    arguments: ['-d', directory, '-f', join(directory, 'apache.conf'), '-D', 'FOREGROUND'],
    environment: { PATH: process.env['PATH'], ...packages.environment },
    directory,
    removeDirectory: true,
    stopSignal: 'TERM',
    user: serverUser(),
  })
  afterwards(apache.stop)
  const origin = `http://127.0.0.1:${port}`
  let hasEnded = false
  void apache.ended.then(() => {
    hasEnded = true
  })
  await until(async () => {
    if (hasEnded) throw new Error(`Apache did not start: ${apache.stderr()}`)
    return fetch(origin).then(
      () => true,
      () => false,
    )
  })
  return origin
}

function configuration(root: string, directory: string, port: number, settings: ApacheSettings): string {
  const { issuer, audience, openidcJwksUrl, oauth2JwksUrl, oauth2ExpirySeconds } = settings
  const resultSeconds = Math.min(oauth2ExpirySeconds, LONGEST_RESULT_SECONDS)
  const modules = MODULES.map((name) => {
    return `LoadModule ${name}_module ${root}/usr/lib/apache2/modules/mod_${name}.so`
  })
  return `
    ServerName localhost
    Listen 127.0.0.1:${port}
    DefaultRuntimeDir ${directory}
    PidFile ${directory}/apache.pid
    DocumentRoot ${directory}/www
    ErrorLog ${directory}/error.log
    StartServers 1
    ${modules.join('\n    ')}

    OIDCOAuthVerifyJwksUri ${openidcJwksUrl}
    OIDCOAuthSSLValidateServer Off
    OIDCJWKSRefreshInterval 600
    OIDCOAuthAcceptTokenAs header
    Alias /openidc/ ${directory}/www/
    <Location /openidc/>
      AuthType oauth20
      <RequireAll>
        Require claim iss:${issuer}
        Require claim aud:${audience}
        Require claim token_type:access
      </RequireAll>
    </Location>
    Alias /oauth2/ ${directory}/www/
    <Location /oauth2/>
      AuthType oauth2
      OAuth2TokenVerify jwks_uri ${oauth2JwksUrl} jwks_uri.expiry=${oauth2ExpirySeconds}&verify.exp=required&expiry=${resultSeconds}
      <RequireAll>
        Require oauth2_claim iss:${issuer}
        Require oauth2_claim aud:${audience}
        Require oauth2_claim token_type:access
      </RequireAll>
    </Location>
  `
}

import { type Command, Option } from 'commander'
import { parseDuration } from '../config-values.ts'
import { Misuse } from './outcome.ts'

/** What takes a setting of a client's own back to the configuration's. */
const DEFAULT = 'default'

/** The options that say what a client may do, as they are given. */
export interface ClientOptions {
  readonly name?: string
  readonly scope?: string[]
  readonly audience?: string[]
  readonly redirectUri?: string[]
  readonly allowedOrigin?: string[]
  readonly latePolicy?: string
  readonly accessTokenAlg?: string
  readonly accessTokenTtl?: string
  readonly refreshIdleTtl?: string
  readonly refreshAbsoluteTtl?: string
  readonly unrememberedTtl?: string
}

/** Adds them to a command that makes or changes a client. */
export function withClientOptions(command: Command): Command {
  return command
    .option('--scope <scopes...>', 'scopes it may ask for, separated by spaces; may be repeated')
    .option('--audience <audience...>', 'a resource its tokens may be for; may be repeated')
    .option('--redirect-uri <uri...>', 'where the user may be sent back to; may be repeated')
    .option('--allowed-origin <origin...>', 'web pages there may read what it is answered; may be repeated')
    .option('--access-token-alg <alg>', 'sign its access tokens with another algorithm (ES256, EdDSA)')
    .option('--access-token-ttl <duration>', 'its own lifetime of access tokens (600, 10m)')
    .option('--refresh-idle-ttl <duration>', 'its own limit for unused refresh tokens (14d)')
    .option('--refresh-absolute-ttl <duration>', 'its own limit for a whole session (90d)')
    .option('--unremembered-ttl <duration>', 'the limit where a login does not say remember_me (12h)')
    .addOption(
      new Option('--late-policy <policy>', 'what a spent refresh token means after the retry window').choices(
        ['supersede', 'revoke'],
      ),
    )
}

/**
 * What they come to. `default` as a lifetime or algorithm is null, and an empty text empties a list.
 * @throws Misuse for what is no duration
 */
export function readClientOptions(options: ClientOptions) {
  const algorithm = options.accessTokenAlg
  return {
    name: options.name,
    scopes: options.scope?.flatMap((scopes) => scopes.split(/\s+/)).filter(isSaid),
    audiences: options.audience?.filter(isSaid),
    redirectUris: options.redirectUri?.filter(isSaid),
    allowedOrigins: options.allowedOrigin?.filter(isSaid),
    latePolicy: options.latePolicy,
    accessTokenAlg: algorithm === DEFAULT ? null : algorithm,
    accessTokenTtlSeconds: seconds('access-token-ttl', options.accessTokenTtl),
    refreshIdleTtlSeconds: seconds('refresh-idle-ttl', options.refreshIdleTtl),
    refreshAbsoluteTtlSeconds: seconds('refresh-absolute-ttl', options.refreshAbsoluteTtl),
    unrememberedTtlSeconds: seconds('unremembered-ttl', options.unrememberedTtl),
  }
}

function seconds(flag: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  if (text === DEFAULT) return null
  const duration = parseDuration(text)
  if (duration !== undefined) return duration
  throw new Misuse(`--${flag} must be whole seconds, or a number with s, m, h or d (600, 10m, 1.5h)`)
}

function isSaid(text: string): boolean {
  return text !== ''
}

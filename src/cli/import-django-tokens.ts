import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { systemClock } from '../clock.ts'
import { blacklistedKey, outstandingRow } from '../django/outstanding-rows.ts'
import { BLACKLISTED_MODEL, OUTSTANDING_MODEL } from '../django/record.ts'
import { Refusal } from '../refusal.ts'
import { OLD_ALGORITHMS } from '../swap/accepted-key.ts'
import type { Count } from './import-django-answer.ts'
import { importKeys, type KeyParts } from './import-django-keys.ts'
import { Misuse } from './outcome.ts'

/** The options about refresh tokens, as they are given. */
export interface OldKeyOptions {
  readonly refreshTokens?: true
  readonly signingKey?: string
  readonly signingAlgorithm: string
  readonly acceptUntil?: string
  readonly withoutOutstanding?: true
}

/** The key that old refresh tokens are checked with, as the service is told of it. */
export interface OldKey {
  readonly text: string
  readonly algorithm: string
  readonly acceptUntil: string
  readonly isListRequired: boolean
}

/** Adds them to the command. */
export function withOldKeyOptions(command: Command): Command {
  return command
    .option('--refresh-tokens', 'let people stay signed in: swap simplejwt’s refresh tokens for ours')
    .option('--signing-key <file>', 'with --refresh-tokens: SIGNING_KEY (or VERIFYING_KEY, of a pair)')
    .addOption(
      new Option('--signing-algorithm <alg>', 'with --refresh-tokens: ALGORITHM')
        .choices(OLD_ALGORITHMS)
        .default('HS256'),
    )
    .option('--accept-until <date>', 'with --refresh-tokens: swap until then (2027-01-31), 90 days at most')
    .option('--without-outstanding', 'swap those that the project has no list of, too; never those of staff')
}

/**
 * What they come to; undefined where no refresh tokens are asked for.
 * @throws Misuse where they do not go together, Refusal where the file cannot be read
 */
export async function readOldKey(options: OldKeyOptions): Promise<OldKey | undefined> {
  const { refreshTokens, signingKey, acceptUntil } = options
  if (!refreshTokens) {
    if (signingKey === undefined && acceptUntil === undefined && !options.withoutOutstanding) return undefined
    throw new Misuse('--signing-key, --accept-until and --without-outstanding go with --refresh-tokens')
  }
  if (signingKey === undefined || acceptUntil === undefined) {
    throw new Misuse('--refresh-tokens needs --signing-key FILE and --accept-until DATE')
  }
  const isDate = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(acceptUntil)
  const until = isDate ? Date.parse(acceptUntil) : Number.NaN
  if (Number.isNaN(until)) throw new Misuse('--accept-until is a date: 2027-01-31, or 2027-01-31T12:00:00Z')
  const text = await readFile(signingKey, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Refusal('file_unreadable', `${signingKey} cannot be read (${error.code})`)
  })
  return {
    text,
    algorithm: options.signingAlgorithm,
    acceptUntil: new Date(until).toISOString(),
    isListRequired: !options.withoutOutstanding,
  }
}

/** Takes the ids of outstanding tokens over, and has the key accepted. One that has expired is left where it is. */
export async function importRefreshTokens(
  parts: KeyParts,
  usersTaken: ReadonlySet<string>,
  key: OldKey,
): Promise<Count> {
  const { ask, source, isDryRun } = parts
  await ask('old-tokens.accept', { ...key, isDryRun })
  const blacklisted = new Set<string>()
  for await (const record of source.recordsOf(BLACKLISTED_MODEL)) blacklisted.add(blacklistedKey(record))
  const now = systemClock.now().getTime()
  return importKeys(parts, OUTSTANDING_MODEL, 'old-tokens.import', (record) => {
    const row = outstandingRow(record, blacklisted)
    if ('problem' in row) return row
    if (Date.parse(row.expiresAt) <= now) return undefined
    return usersTaken.has(row.userId) ? row : { problem: 'its user was not taken' }
  })
}

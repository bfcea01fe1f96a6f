import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { readSealedRows } from '../keys/key-tables-postgres.ts'
import { keySchedule } from '../keys/schedule.ts'
import { type SealingKey, SealingKeyProblem } from '../keys/sealing-key.ts'
import { openSealingKey } from '../keys/sealing-key-source.ts'
import { type SealingUse, sealingUse } from '../keys/sealing-use.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type CheckResult, skipped } from './check.ts'
import { configurationChecks } from './configuration-checks.ts'
import { dataDirectoryChecks, lookAtDataDirectory } from './data-directory-checks.ts'
import { type DatabaseFacts, databaseChecks, type NoDatabase } from './database-checks.ts'
import { lookAtDatabase } from './database-facts-postgres.ts'
import { mailCheck } from './mail-check.ts'
import { openForDoctor } from './open-database.ts'
import { redisChecks } from './redis-checks.ts'
import { lookAtRedis } from './redis-facts-redis.ts'
import { sealingKeyChecks } from './sealing-key-checks.ts'
import { lookAtService } from './service-check.ts'
import { type SigningKeyFacts, signingKeyChecks } from './signing-key-checks.ts'
import { lookAtSigningKeys } from './signing-key-facts-postgres.ts'

/**
 * Looks at everything that Keyturn runs on and says what is wrong with it. Changes nothing. What cannot be looked at is
 * `skipped` with the reason; no part that is down keeps the others from being looked at.
 * @param clock this machine's, compared with the database's
 */
export async function examine(config: Config, clock: Clock, logger: Logger): Promise<CheckResult[]> {
  const directory = config.mode === 'embedded' ? lookAtDataDirectory(config.dataDirectory) : undefined
  const { key, problem } = await tryToReadSealingKey(config, clock, logger)
  const { databaseFacts, keyFacts, use } = await lookIntoDatabase(config, clock, key)
  const isNothingSealed = typeof keyFacts !== 'string' && keyFacts.keys.length === 0
  return [
    ...configurationChecks(config),
    ...sealingKeyChecks({
      directory: config.keysDirectory,
      isFromCommand: config.sealingKeyCommand !== undefined,
      fingerprints: key?.lines().map(({ fingerprint }) => fingerprint),
      use,
      problem,
      isMadeAtStart: directory !== undefined && (!directory.hasDatabase || isNothingSealed),
    }),
    ...(directory ? dataDirectoryChecks(directory) : []),
    ...databaseChecks(databaseFacts, config.mode === 'embedded'),
    ...signingKeyChecks(keyFacts, config.keyRotationPeriodSeconds),
    ...(await redis(config)),
    await mailCheck(config),
    { check: 'service', ...(await lookAtService(config)) },
  ]
}

async function tryToReadSealingKey(
  config: Config,
  clock: Clock,
  logger: Logger,
): Promise<{ key?: SealingKey; problem?: SealingKeyProblem }> {
  try {
    return { key: await openSealingKey(config, { clock, logger }) }
  } catch (error) {
    if (error instanceof SealingKeyProblem) return { problem: error }
    throw error
  }
}

/** Opens the database, asks all that is to be asked, and closes it again. */
async function lookIntoDatabase(
  config: Config,
  clock: Clock,
  sealingKey: SealingKey | undefined,
): Promise<{
  databaseFacts: DatabaseFacts | NoDatabase
  keyFacts: SigningKeyFacts | string
  use?: SealingUse
}> {
  const opened = await openForDoctor(config).catch((error: Error): NoDatabase => failed(error))
  if ('reason' in opened) return { databaseFacts: opened, keyFacts: opened.reason }
  try {
    const databaseFacts = await lookAtDatabase(opened.database, clock)
    if (databaseFacts.pending.length > 0) return { databaseFacts, keyFacts: 'the schema is not up to date' }
    const schedule = keySchedule({
      rotationPeriodSeconds: config.keyRotationPeriodSeconds,
      jwksMaxAgeSeconds: config.jwksMaxAgeSeconds,
    })
    const keyFacts = await lookAtSigningKeys(opened.database, sealingKey, schedule)
    if (sealingKey === undefined) return { databaseFacts, keyFacts }
    const use = sealingUse(await readSealedRows(opened.database), sealingKey.lines())
    return { databaseFacts, keyFacts, use }
  } catch (error) {
    return { databaseFacts: failed(error as Error), keyFacts: 'the database does not answer' }
  } finally {
    await opened.close()
  }
}

/** A driver's own words are more use here than ours: "no answer" is what we tell clients. */
function failed(error: Error): NoDatabase {
  const { cause } = error
  return { status: 'fail', reason: cause instanceof Error && cause.message ? cause.message : error.message }
}

async function redis({ redisUrl, mode }: Config): Promise<CheckResult[]> {
  if (redisUrl === undefined) return [{ check: 'redis', ...skipped(`not used in ${mode} mode`) }]
  const facts = await lookAtRedis(redisUrl).catch((error: Error) => ({ reason: error.message }))
  return redisChecks(facts)
}

import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Unavailable } from '../unavailable.ts'
import type { Readiness } from './keyring.ts'
import { type Reading, reloading } from './reloading.ts'
import { type KeySchedule, stalenessLimitSeconds } from './schedule.ts'
import type { SymmetricKey, SymmetricPurpose } from './symmetric-key.ts'
import type { LoadedSymmetricKeys, SymmetricKeys } from './symmetric-keys.ts'

/** The versions of one purpose's key, in memory. */
export interface SymmetricKeyring {
  /**
   * Reads the versions, makes the first one if there is none, and goes on reading them every reload period. A database
   * that does not answer yet is no error: the keyring is not ready, and tries again.
   * @throws SealingKeyProblem `wrong` when the sealing key opens none of them
   */
  start(): Promise<void>
  stop(): void
  /** Reads the versions now; on failure the last good ones stay. */
  reload(): Promise<void>
  /**
   * The key of a version; undefined when there is certainly no such version. Asks nothing: a version is used two reload
   * periods after it was made at the earliest, so whoever has read them since then knows it. Made-up versions cost
   * nothing.
   * @throws Unavailable when what was read is too old to tell
   */
  version(version: number): SymmetricKey | undefined
  /**
   * What to use for something new: the highest version that has activated.
   * @throws Unavailable when there is none, or what was read is too old
   */
  current(): SymmetricKey
  status(): Readiness
}

const PART = 'symmetric-keys'

/** The keyring of one purpose over stored keys. */
export function makeSymmetricKeyring({
  symmetricKeys,
  purpose,
  schedule,
  clock,
  logger,
}: {
  symmetricKeys: SymmetricKeys
  purpose: SymmetricPurpose
  schedule: KeySchedule
  clock: Clock
  logger: Logger
}): SymmetricKeyring {
  const readings = reloading<LoadedSymmetricKeys, LoadedSymmetricKeys>({
    async read() {
      const loaded = await symmetricKeys.load(purpose)
      if (loaded.keys.length > 0) return loaded
      await symmetricKeys.ensure(purpose)
      return symmetricKeys.load(purpose)
    },
    async accept(loaded, before) {
      for (const version of loaded.unopened) {
        if (before?.unopened.includes(version)) continue
        logger.error({ purpose, version }, 'a symmetric key cannot be opened')
      }
      return keepOpened(loaded, before)
    },
    what: `${purpose} keys`,
    clock,
    schedule,
    logger,
  })

  function unavailable(reason: string): Unavailable {
    return new Unavailable(PART, `${purpose}: ${reason}`, {
      retryAfterSeconds: Math.ceil(schedule.reloadPeriodSeconds),
    })
  }

  function latest(): Reading<LoadedSymmetricKeys> {
    const reading = readings.latest()
    if (!reading) throw unavailable('not read yet')
    return reading
  }

  function known(version: number): SymmetricKey | undefined {
    const { keys, unopened } = latest().value
    if (unopened.includes(version)) throw unavailable(`version ${version} cannot be opened`)
    return keys.find((key) => key.version === version)
  }

  function current(): SymmetricKey {
    const { value, databaseNow, ageSeconds } = latest()
    if (ageSeconds() > stalenessLimitSeconds(schedule)) throw unavailable('what was read is too old')
    const now = databaseNow().getTime()
    const key = value.keys.filter(({ activatesAt }) => activatesAt.getTime() <= now).at(-1)
    if (!key) throw unavailable('no version has activated')
    return key
  }

  return {
    start: () => readings.start(),
    stop: () => readings.stop(),
    reload: () => readings.reload(),
    version(version) {
      const key = known(version)
      if (key || latest().ageSeconds() <= 2 * schedule.reloadPeriodSeconds) return key
      throw unavailable(`version ${version} is not known, and what was read is too old to tell`)
    },
    current,
    status() {
      try {
        current()
        return { ready: true }
      } catch (error) {
        if (error instanceof Unavailable) return { ready: false, reason: error.message }
        throw error
      }
    },
  }
}

/** What was opened once stays in use, though its row is damaged now: a version never changes. */
function keepOpened(
  loaded: LoadedSymmetricKeys,
  before: LoadedSymmetricKeys | undefined,
): LoadedSymmetricKeys {
  const kept = before?.keys.filter(({ version }) => loaded.unopened.includes(version)) ?? []
  if (kept.length === 0) return loaded
  return {
    now: loaded.now,
    keys: [...loaded.keys, ...kept].sort((left, right) => left.version - right.version),
    unopened: loaded.unopened.filter((version) => !kept.some((key) => key.version === version)),
  }
}

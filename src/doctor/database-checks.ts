import { type CheckResult, type Finding, fail, ok, skipped, warn } from './check.ts'

/** The oldest PostgreSQL that we test against. */
const OLDEST_MAJOR = 15
/** Machines that are synchronised (NTP) agree within milliseconds: a whole second says that one of them is not. */
const CLOCK_WARN_MS = 1000
/**
 * Verifiers allow 60 s of skew, and two nodes may be off in opposite directions: at half of that, the tokens of one
 * node can be refused by what trusts the clock of another.
 */
const CLOCK_FAIL_MS = 30_000

/** What the database says of itself. */
export interface DatabaseFacts {
  /** `160004` for 16.4. */
  readonly versionNumber: number
  readonly isReadOnly: boolean
  /** How far its clock is ahead of ours, in milliseconds. */
  readonly offsetMs: number
  /** How long the question took: the offset is uncertain by half of it. */
  readonly roundTripMs: number
  /** Migrations it lacks, by name. */
  readonly pending: readonly string[]
}

/** Why there are no facts about the database: it was not looked at, or it did not answer. */
export interface NoDatabase {
  readonly status: 'skipped' | 'fail'
  readonly reason: string
}

/** The database: whether it can be used as it is. */
export function databaseChecks(facts: DatabaseFacts | NoDatabase, isEmbedded: boolean): CheckResult[] {
  if ('reason' in facts) {
    const advice =
      'see that PostgreSQL runs and that KEYTURN_DATABASE_URL leads to it, with a user it lets in'
    const database = facts.status === 'fail' ? fail(facts.reason, advice) : skipped(facts.reason)
    const rest = skipped(facts.status === 'fail' ? 'the database does not answer' : facts.reason)
    return [
      { check: 'database', ...database },
      { check: 'database version', ...rest },
      { check: 'schema', ...rest },
      { check: 'clock', ...rest },
    ]
  }
  return [
    { check: 'database', ...writable(facts) },
    { check: 'database version', ...version(facts) },
    { check: 'schema', ...schema(facts, isEmbedded) },
    { check: 'clock', ...clock(facts) },
  ]
}

function writable({ isReadOnly, roundTripMs }: DatabaseFacts): Finding {
  if (!isReadOnly) return ok(`it answers within ${roundTripMs} ms`)
  return fail('it is read-only, as a standby is', 'point KEYTURN_DATABASE_URL at the primary')
}

function version({ versionNumber }: DatabaseFacts): Finding {
  const found = `PostgreSQL ${Math.floor(versionNumber / 10_000)}.${versionNumber % 10_000}`
  if (versionNumber >= OLDEST_MAJOR * 10_000) return ok(found)
  return fail(found, `upgrade to PostgreSQL ${OLDEST_MAJOR} or later`)
}

function schema({ pending }: DatabaseFacts, isEmbedded: boolean): Finding {
  if (pending.length === 0) return ok('up to date')
  const found = `it lacks ${pending.join(', ')}`
  return isEmbedded ? warn(found, 'nothing: the next start migrates') : fail(found, 'run keyturn migrate')
}

function clock({ offsetMs, roundTripMs }: DatabaseFacts): Finding {
  // Half of the round trip is not known to be an offset.
  const certainMs = Math.max(0, Math.abs(offsetMs) - roundTripMs / 2)
  const seconds = (Math.abs(offsetMs) / 1000).toFixed(3)
  const direction = offsetMs < 0 ? 'behind' : 'ahead of'
  const found = `the database's clock is ${seconds} s ${direction} this machine's`
  const advice = 'synchronise both machines (NTP: chronyc tracking, timedatectl)'
  if (certainMs > CLOCK_FAIL_MS) return fail(found, advice)
  return certainMs > CLOCK_WARN_MS ? warn(found, advice) : ok(found)
}

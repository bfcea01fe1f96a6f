import { DEFAULT_SIGNING_ALGORITHM } from '../keys/algorithms.ts'
import { type CheckResult, type Finding, fail, ok, skipped, warn } from './check.ts'

/** The signing keys as they are. */
export interface SigningKeyFacts {
  readonly keys: readonly {
    readonly kid: string
    readonly algorithm: string
    readonly phase: 'next' | 'active' | 'retired' | 'revoked' | 'gone'
    readonly activatesAt: Date | null
  }[]
  /** The time by the same clock. */
  readonly now: Date
  /** How many enabled clients have chosen each algorithm, and a few of them. */
  readonly choices?: readonly {
    readonly algorithm: string
    readonly clients: number
    readonly clientIds: readonly string[]
  }[]
  /** Keys whose private part is stored and does not open with the sealing key; missing where that was not tried. */
  readonly unopenedKids?: readonly string[]
}

/** A rotation that is due happens within minutes of a running node; a day late means that none runs or none can. */
const OVERDUE_SECONDS = 86_400
const DAY_SECONDS = 86_400
const NONE_YET = 'there are none yet: the first start makes them'

/**
 * The signing keys: whether there is one to sign with, one to take over, and whether they are changed as configured.
 * @param facts or why there are none
 * @param rotationPeriodSeconds 0 where an operator rotates by hand
 */
export function signingKeyChecks(
  facts: SigningKeyFacts | string,
  rotationPeriodSeconds: number,
): CheckResult[] {
  return [
    { check: 'signing keys', ...active(facts) },
    { check: 'next signing key', ...next(facts) },
    { check: 'signing key age', ...age(facts, rotationPeriodSeconds) },
    { check: 'sealed keys', ...sealed(facts) },
    { check: 'clients’ algorithms', ...choices(facts) },
  ]
}

function active(facts: SigningKeyFacts | string): Finding {
  if (typeof facts === 'string') return skipped(facts)
  if (facts.keys.length === 0) return skipped(NONE_YET)
  const orphans = algorithmsWithout('active', facts).filter((algorithm) => !isAwaited(algorithm, facts))
  if (orphans.length > 0) {
    return fail(
      `no key signs ${orphans.join(', ')}`,
      'see keyturn keys plan; keyturn keys rotate has the next one take over',
    )
  }
  const kids = facts.keys
    .filter(({ phase }) => phase === 'active')
    .map(({ algorithm, kid }) => `${algorithm} ${kid}`)
  return ok(kids.join(', '))
}

function next(facts: SigningKeyFacts | string): Finding {
  if (typeof facts === 'string') return skipped(facts)
  if (facts.keys.length === 0) return skipped(NONE_YET)
  const lacking = algorithmsWithout('next', facts)
  if (lacking.length === 0) return ok('published, ready to take over in an emergency')
  return warn(
    `none is published for ${lacking.join(', ')}: an emergency rotation would have to wait`,
    'see that a node runs: it publishes one within seconds',
  )
}

function age(facts: SigningKeyFacts | string, rotationPeriodSeconds: number): Finding {
  if (typeof facts === 'string') return skipped(facts)
  const ages = facts.keys.flatMap(({ phase, activatesAt }) => {
    return phase === 'active' && activatesAt ? [(facts.now.getTime() - activatesAt.getTime()) / 1000] : []
  })
  if (ages.length === 0) return skipped('no key signs')
  const oldest = Math.max(...ages)
  const found = `the oldest one that signs does so for ${days(oldest)}`
  if (rotationPeriodSeconds === 0) return ok(`${found}; KEYTURN_KEY_ROTATION_PERIOD=0 leaves rotation to you`)
  if (oldest <= rotationPeriodSeconds + OVERDUE_SECONDS)
    return ok(`${found}, of ${days(rotationPeriodSeconds)}`)
  return warn(
    `${found}, although KEYTURN_KEY_ROTATION_PERIOD is ${days(rotationPeriodSeconds)}`,
    'see that a node runs and what it logs about rotation; keyturn keys rotate does it now',
  )
}

function sealed(facts: SigningKeyFacts | string): Finding {
  if (typeof facts === 'string') return skipped(facts)
  if (facts.keys.length === 0) return skipped(NONE_YET)
  if (facts.unopenedKids === undefined) return skipped('there is no sealing key here to try')
  if (facts.unopenedKids.length === 0) return ok('they open with this sealing key')
  return fail(
    `this sealing key does not open ${facts.unopenedKids.join(', ')}`,
    'mount the sealing.key that they were sealed with; what is damaged stays out of use (keyturn keys list)',
  )
}

function choices(facts: SigningKeyFacts | string): Finding {
  if (typeof facts === 'string') return skipped(facts)
  const { choices: made = [], keys } = facts
  if (made.length === 0) return ok('no client has chosen one')
  const signs = (algorithm: string) =>
    keys.some((key) => key.algorithm === algorithm && key.phase === 'active')
  const muted = made.filter(({ algorithm }) => !signs(algorithm))
  if (muted.length === 0) return ok(`a key signs ${made.map(({ algorithm }) => algorithm).join(', ')}`)
  const [first] = muted
  return fail(
    muted
      .map(({ algorithm, clients, clientIds }) => {
        const more = clients > clientIds.length ? ` and ${clients - clientIds.length} more` : ''
        return `no key signs ${algorithm}, the choice of ${clientIds.join(', ')}${more}`
      })
      .join('; '),
    `they are answered 503: keyturn keys rotate --algorithm ${first?.algorithm} says from when a key signs`,
  )
}

/** Whether the first key of an algorithm is published and has a date: an introduction takes a while. */
function isAwaited(algorithm: string, { keys }: SigningKeyFacts): boolean {
  const own = keys.filter((key) => key.algorithm === algorithm)
  return (
    algorithm !== DEFAULT_SIGNING_ALGORITHM &&
    own.every(({ phase, activatesAt }) => phase === 'next' && activatesAt !== null)
  )
}

/** The algorithms that must have keys, or have some in use, but none in this phase. */
function algorithmsWithout(phase: 'active' | 'next', { keys }: SigningKeyFacts): string[] {
  const used = keys.filter(({ phase: is }) => is !== 'gone' && is !== 'revoked').map((key) => key.algorithm)
  return [...new Set([DEFAULT_SIGNING_ALGORITHM, ...used])].filter(
    (name) => !keys.some((key) => key.algorithm === name && key.phase === phase),
  )
}

function days(seconds: number): string {
  return `${Math.floor(seconds / DAY_SECONDS)} d`
}

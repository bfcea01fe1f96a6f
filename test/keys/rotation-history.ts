import { addSeconds } from '../../src/clock.ts'
import { earliestActivation, maintenanceSteps, planRotation } from '../../src/keys/rotation.ts'
import {
  type KeySchedule,
  publishToActivateSeconds,
  retireToRemoveSeconds,
  retireToWipeSeconds,
  stalenessLimitSeconds,
} from '../../src/keys/schedule.ts'
import { activeKey, keyLives, type SigningKey } from '../../src/keys/signing-key.ts'
import { Refusal } from '../../src/refusal.ts'
import { NOW } from './fixtures.ts'

/** What may happen. `seconds` go by; the others name a node where they need one. */
export type Happening =
  | { readonly does: 'wait'; readonly seconds: number }
  | { readonly does: 'wait_for_next_moment'; readonly before: boolean }
  | { readonly does: 'maintain' }
  | { readonly does: 'rotate'; readonly haste: 'when_safe' | 'now' }
  | { readonly does: 'reload' | 'sign'; readonly node: number }

/** The rules that a history runs under; a broken set of them is the control. */
export interface Rules {
  readonly maintenanceSteps: typeof maintenanceSteps
  readonly planRotation: typeof planRotation
}

export const RULES: Rules = { maintenanceSteps, planRotation }

interface Node {
  keys: readonly SigningKey[]
  loadedAt: Date
}

/**
 * Lives through a history with a database, some nodes that reload whenever they happen to, and all they sign, and
 * looks for a broken promise after each happening. Nodes stop signing when their set is older than the limit.
 * @returns the first promise broken, or undefined
 */
export function findViolation(
  happenings: readonly Happening[],
  schedule: KeySchedule,
  rules: Rules = RULES,
): string | undefined {
  let now = NOW
  let keys: SigningKey[] = []
  const nodes = new Map<number, Node>()
  const signed: { kid: string; diesAt: Date }[] = []
  let made = 0

  const change = (kid: string, changed: Partial<SigningKey>) => {
    keys = keys.map((key) => (key.kid === kid ? { ...key, ...changed } : key))
  }

  function maintain(): void {
    for (const step of rules.maintenanceSteps(keys, now, schedule)) {
      if (step.step === 'create') {
        const { algorithm, activatesAt } = step
        const kid = `key${String(++made).padStart(4, '0')}`
        keys = [
          ...keys,
          { kid, algorithm, activatesAt, publishedAt: now, revokedAt: null, holdsPrivateKey: true },
        ]
      } else if (step.step === 'schedule') change(step.kid, { activatesAt: step.activatesAt })
      else if (step.step === 'wipe') change(step.kid, { holdsPrivateKey: false })
      else keys = keys.filter(({ kid }) => kid !== step.kid)
    }
  }

  function rotate(haste: 'when_safe' | 'now'): void {
    try {
      for (const { kid, activatesAt } of rules.planRotation(keys, now, schedule, haste))
        change(kid, { activatesAt })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
  }

  function sign(number: number): string | undefined {
    const node = nodes.get(number)
    if (!node || now.getTime() - node.loadedAt.getTime() > stalenessLimitSeconds(schedule) * 1000)
      return undefined
    const key = activeKey(node.keys, 'RS256', now)
    if (!key) return 'a node with a young set has nothing to sign with'
    const isFirst = key.publishedAt.getTime() === key.activatesAt?.getTime()
    const everywhereAt = addSeconds(key.publishedAt, publishToActivateSeconds(schedule))
    if (!isFirst && now < everywhereAt) return `${key.kid} signs before every verifier has it`
    if (isFirst && key.kid !== 'key0001') return `${key.kid} signs at once and is not the first`
    const { inFlightSeconds, longestLifetimeSeconds, clockSkewSeconds } = schedule
    signed.push({
      kid: key.kid,
      diesAt: addSeconds(now, inFlightSeconds + longestLifetimeSeconds + clockSkewSeconds),
    })
    return undefined
  }

  function happen(happening: Happening): string | undefined {
    switch (happening.does) {
      case 'wait':
        now = addSeconds(now, happening.seconds)
        return undefined
      case 'wait_for_next_moment': {
        const moment = nextMoment(keys, now, schedule)
        if (moment) now = addSeconds(moment, happening.before ? -0.001 : 0)
        return undefined
      }
      case 'maintain':
        maintain()
        return afterMaintenance(keys, now, schedule)
      case 'rotate':
        rotate(happening.haste)
        return undefined
      case 'reload':
        nodes.set(happening.node, { keys, loadedAt: now })
        return undefined
      case 'sign':
        return sign(happening.node)
    }
  }

  maintain()
  for (const happening of happenings) {
    const violation = happen(happening) ?? always(keys, now, schedule, signed)
    if (violation) return violation
  }
  return undefined
}

/** What must hold at every moment. */
function always(
  keys: readonly SigningKey[],
  now: Date,
  schedule: KeySchedule,
  signed: readonly { kid: string; diesAt: Date }[],
): string | undefined {
  const lives = keyLives(keys, now, schedule)
  const active = lives.filter(({ phase }) => phase === 'active')
  if (active.length !== 1) return `${active.length} keys are active`
  if (!active[0]?.key.holdsPrivateKey) return 'the active key has no private part'
  const published = new Set(lives.filter(({ phase }) => phase !== 'gone').map(({ key }) => key.kid))
  const orphan = signed.find(({ kid, diesAt }) => diesAt > now && !published.has(kid))
  return orphan && `something signed by ${orphan.kid} is alive and cannot be verified`
}

function afterMaintenance(keys: readonly SigningKey[], now: Date, schedule: KeySchedule): string | undefined {
  const next = keyLives(keys, now, schedule).filter(({ phase }) => phase === 'next')
  if (next.length !== 1) return `${next.length} keys wait to take over`
  const [again] = maintenanceSteps(keys, now, schedule)
  return again && `maintenance asks for ${again.step} again`
}

/** The next moment at which some rule changes its answer. */
function nextMoment(keys: readonly SigningKey[], now: Date, schedule: KeySchedule): Date | undefined {
  return keyLives(keys, now, schedule)
    .flatMap(({ key, retiresAt }) => [
      key.activatesAt,
      earliestActivation(key, now, schedule),
      retiresAt && addSeconds(retiresAt, retireToWipeSeconds(schedule)),
      retiresAt && addSeconds(retiresAt, retireToRemoveSeconds(schedule)),
      retiresAt && addSeconds(retiresAt, schedule.longestLifetimeSeconds),
    ])
    .filter((moment) => moment !== null)
    .filter((moment) => moment > now)
    .sort((left, right) => left.getTime() - right.getTime())[0]
}

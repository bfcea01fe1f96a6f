import { setTimeout as delay } from 'node:timers/promises'
import { RETRY_WINDOW_MS } from './builds.ts'
import { checkHistory, type Verdict, type Violation } from './check-history.ts'
import { succeeded } from './history.ts'
import { startLoad } from './load.ts'
import { awaitRecovery, notReady } from './recovery.ts'
import { type Fault, nameOf, type Scenario, type Size } from './scenario.ts'
import { settle } from './settle.ts'
import { startThieves } from './thieves.ts'
import { startWatch } from './watch.ts'
import type { World } from './world.ts'

/** What one scenario has come to. */
export interface ScenarioResult {
  readonly name: string
  readonly operations: number
  /** Of the honest clients' requests: answered with 503 or 429, and not answered. */
  readonly unavailable: number
  readonly unanswered: number
  readonly violations: readonly Violation[]
  /** Undefined where it did not recover in time. */
  readonly recoveryMs: number | undefined
  /** Within which it should have recovered. Whether it did says something of a machine that does nothing else. */
  readonly recoveryLimitMs: number
  /** What else is wrong: it did not recover, or the fault could not be made. */
  readonly problems: readonly string[]
}

/** What a run against one deployment has come to. */
export interface CampaignResult {
  readonly topology: string
  readonly scenarios: readonly ScenarioResult[]
  readonly verdict: Verdict
  /** Whatever is wrong, in words; empty when all is well. */
  readonly problems: readonly string[]
  readonly operations: number
  readonly seconds: number
}

export interface CampaignOptions {
  readonly size: Size
  readonly requestsPerSecond: number
  /** Told of each scenario as it ends. Its violations are known only when the run has ended. */
  readonly onScenario?: (result: ScenarioResult) => void
}

const TOO_SLOW = 'this machine is too slow, or too busy: nothing was wrong and yet requests failed'

interface Span {
  readonly name: string
  readonly isCalm: boolean
  readonly from: number
  readonly until: number
  readonly recoveryMs: number | undefined
  readonly recoveryLimitMs: number
  readonly problems: readonly string[]
}

/** How long a fault holds. In both sizes well within the retry window: longer ones say so themselves. */
const HOLD_MS: Readonly<Record<Size, number>> = { ci: 800, nightly: 3000 }
/** Without any fault, for comparison. */
const CALM_MS: Readonly<Record<Size, number>> = { ci: 600, nightly: 5000 }
/**
 * A session rests so long after a refresh: longer than a request can lie in a paused node's socket. In production it is
 * minutes; a request that old, arriving after two newer ones, could not be told from a thief's.
 */
const PAUSE_MS: Readonly<Record<Size, number>> = { ci: 4000, nightly: 34_000 }
const FLAPS: Readonly<Record<Size, number>> = { ci: 3, nightly: 20 }
const FLAP_MS: Readonly<Record<Size, number>> = { ci: 200, nightly: 500 }
/** A run without any fault: the control of the checker. */
const CALM: Fault = { id: 'F-000', title: 'nothing happens', topologies: [], inject() {}, recoveryMs: 2000 }

/** Runs scenarios one after another against one deployment under load, and judges all that happened. */
export async function runCampaign(
  world: World,
  scenarios: readonly Scenario[],
  options: CampaignOptions,
): Promise<CampaignResult> {
  const { size } = options
  const started = performance.now()
  const load = await startLoad(world, { perSecond: options.requestsPerSecond, pauseMs: PAUSE_MS[size] })
  const thieves = startThieves(world)
  const watch = startWatch(world)
  const spans: Span[] = []

  for (const scenario of [{ fault: CALM, manner: 'at run' } as const, ...scenarios]) {
    const from = performance.now()
    const problems: string[] = []
    let recoveryMs: number | undefined
    try {
      await play(world, scenario, size)
      recoveryMs = await awaitRecovery(world, performance.now())
      if (recoveryMs === undefined && scenario.fault === CALM) throw new Error(TOO_SLOW)
      if (recoveryMs === undefined)
        problems.push(`it did not recover: ${(await notReady(world)) ?? 'requests fail'}`)
    } catch (error) {
      problems.push(String(error))
      if (scenario.fault !== CALM) await healAfterAll(world, scenario.fault, problems)
    }
    problems.push(...world.incidents.splice(0))
    const span = { name: nameOf(scenario), from, until: performance.now(), recoveryMs, problems }
    const recoveryLimitMs = scenario.fault.recoveryMs
    spans.push({ ...span, recoveryLimitMs, isCalm: scenario.fault === CALM })
    options.onScenario?.(summary(spans.length - 1, []))
  }
  await Promise.all([load.stop(), thieves.stop()])
  const settled = await settle(world, load.sessions, thieves.ended())
  await watch.stop()
  const problems = [...settled, ...(await stopNodes(world))]

  const verdict = checkHistory(world.history.operations, {
    retryWindowMs: RETRY_WINDOW_MS,
    doubleFaults: world.doubleFaults,
    isUnderFault: (at) => spans.some(({ from, until, isCalm }) => !isCalm && at >= from && at <= until),
  })
  const results = spans.map((_, index) => summary(index, verdict.violations))
  for (const { name, problems: own } of results) problems.push(...own.map((problem) => `${name}: ${problem}`))
  return {
    topology: world.topology,
    scenarios: results,
    verdict,
    problems,
    operations: world.history.operations.length,
    seconds: (performance.now() - started) / 1000,
  }

  /** A scenario lasts until the next one begins, the last one until the end. */
  function summary(index: number, violations: readonly Violation[]): ScenarioResult {
    const span = spans[index]
    if (!span) throw new Error('there is no such scenario')
    const until = spans[index + 1]?.from ?? Number.POSITIVE_INFINITY
    const isWithin = (at: number) => at >= span.from && at < until
    const operations = world.history.operations.filter(({ completedAt }) => isWithin(completedAt))
    const failed = operations.filter((one) => one.actor === 'client' && !succeeded(one))
    return {
      name: span.name,
      operations: operations.length,
      unavailable: failed.filter(({ answer }) => 'status' in answer && answer.status !== 400).length,
      unanswered: failed.filter(({ answer }) => 'lost' in answer).length,
      violations: violations.filter(({ operation }) => isWithin(operation.completedAt)),
      recoveryMs: span.recoveryMs,
      recoveryLimitMs: span.recoveryLimitMs,
      problems: span.problems,
    }
  }
}

async function play(world: World, { fault, manner }: Scenario, size: Size): Promise<void> {
  const holdMs = fault === CALM ? CALM_MS[size] : (fault.holdMs?.[size] ?? HOLD_MS[size])
  if (manner === 'flapping') {
    for (let left = FLAPS[size]; left > 0; left--) {
      await fault.inject(world)
      await delay(FLAP_MS[size])
      await fault.heal?.(world)
      await delay(FLAP_MS[size])
    }
    return
  }
  const [node] = world.nodes
  if (manner === 'at boot') await node?.kill()
  await fault.inject(world)
  if (manner === 'at boot') await node?.start()
  await delay(holdMs)
  await fault.heal?.(world)
}

/** Nodes stop when they are asked to, with nothing left undone. */
async function stopNodes(world: World): Promise<string[]> {
  const codes = await Promise.all(world.nodes.map((node) => node.terminate()))
  return codes.flatMap((code, index) => {
    const node = world.nodes[index]
    return code === 0 ? [] : [`${node?.name} ended with ${code} when it was told to stop:\n${node?.output()}`]
  })
}

/** What went wrong meanwhile must not stay wrong for those that come after. */
async function healAfterAll(world: World, fault: Fault, problems: string[]): Promise<void> {
  try {
    await fault.heal?.(world)
  } catch (error) {
    problems.push(`and it could not be healed: ${error}`)
  }
}

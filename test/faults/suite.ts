import { join } from 'node:path'
import { openDirectories } from '../support/redis-node.ts'
import { type Build, makeBuild } from './builds.ts'
import { type CampaignResult, runCampaign, type ScenarioResult } from './campaign.ts'
import { CLIENT_FAULTS } from './client-faults.ts'
import { CLUSTER_FAULTS } from './cluster-faults.ts'
import { CONTROLS, type Control } from './controls.ts'
import { FAILPOINT_PATCHES } from './failpoints.ts'
import { NODE_FAULTS } from './node-faults.ts'
import { POSTGRES_FAULTS } from './postgres-faults.ts'
import { REDIS_FAULTS } from './redis-faults.ts'
import { nameOf, type Scenario, type Size, scenariosOf } from './scenario.ts'
import { SENTINEL_FAULTS } from './sentinel-faults.ts'
import { startWorld, type Topology } from './world.ts'

/** A build that is broken on purpose, and what was found. */
export interface ControlResult {
  readonly control: Control
  readonly campaign: CampaignResult
  /** Whether it was found out, for the reason that it should be. */
  readonly isRed: boolean
}

/** What a run of the whole suite, or of a part of it, has come to. */
export interface SuiteResult {
  readonly campaigns: readonly CampaignResult[]
  readonly controls: readonly ControlResult[]
  readonly seconds: number
}

export interface SuiteOptions {
  readonly size: Size
  /** Only scenarios and controls whose name contains one of these; all where it is empty. */
  readonly only?: readonly string[]
  readonly onScenario?: (topology: Topology, result: ScenarioResult) => void
}

const FAULTS = [
  ...CLIENT_FAULTS,
  ...NODE_FAULTS,
  ...REDIS_FAULTS,
  ...POSTGRES_FAULTS,
  ...SENTINEL_FAULTS,
  ...CLUSTER_FAULTS,
]
/** Each on so many deployments: the scenarios are shared out, so that they take less time. */
const DEPLOYMENTS: Readonly<Record<Topology, number>> = { standalone: 2, small: 1, sentinel: 1, cluster: 1 }
/** A race that is lost in most runs is not in every one. */
const CONTROL_RUNS = 3
/** At once. They wait most of the time. */
const AT_ONCE = 3
const NODES = 2
const REQUESTS_PER_SECOND: Readonly<Record<Size, number>> = { ci: 12, nightly: 30 }

/** Runs every scenario, and every negative control, against deployments of their own. */
export async function runSuite({ size, only = [], onScenario }: SuiteOptions): Promise<SuiteResult> {
  const started = performance.now()
  const isWanted = (name: string) => only.length === 0 || only.some((part) => name.includes(part))
  const directories = await openDirectories('faults', {})
  try {
    const root = directories.make('all')
    const build = makeBuild(join(root, 'build'))
    const failpoints = makeBuild(join(root, 'failpoints'), FAILPOINT_PATCHES)
    let runs = 0
    const run = async (topology: Topology, scenarios: readonly Scenario[], of: Build, watch: boolean) => {
      const directory = join(root, `run-${runs++}`)
      const world = await startWorld({ topology, nodes: NODES, build: of, failpoints, directory })
      try {
        return await runCampaign(world, scenarios, {
          size,
          requestsPerSecond: REQUESTS_PER_SECOND[size],
          ...(watch && onScenario && { onScenario: (result) => onScenario(topology, result) }),
        })
      } finally {
        await world.close()
      }
    }

    const campaigns: CampaignResult[] = []
    const controls: ControlResult[] = []
    const jobs: (() => Promise<void>)[] = []
    for (const topology of Object.keys(DEPLOYMENTS) as Topology[]) {
      const wanted = scenariosOf(FAULTS, topology, size).filter((scenario) => isWanted(nameOf(scenario)))
      for (const share of shares(wanted, DEPLOYMENTS[topology])) {
        jobs.push(async () => void campaigns.push(await run(topology, share, build, true)))
      }
    }
    for (const [index, control] of CONTROLS.entries()) {
      if (!isWanted(`control: ${control.title}`)) continue
      jobs.push(async () => {
        const broken = makeBuild(join(root, `broken-${index}`), control.patches)
        const ofControl = FAULTS.filter(({ id }) => control.faults.includes(id))
        const scenarios = scenariosOf(ofControl, control.topology, size)
        for (let left = CONTROL_RUNS - 1; ; left--) {
          const campaign = await run(control.topology, scenarios, broken, false)
          const found = new Set(campaign.verdict.violations.map(({ kind }) => kind))
          const isRed = control.expects.every((kind) => found.has(kind))
          if (isRed || left === 0) return void controls.push({ control, campaign, isRed })
        }
      })
    }
    await Promise.all(Array.from({ length: AT_ONCE }, () => work(jobs)))
    return { campaigns, controls, seconds: (performance.now() - started) / 1000 }
  } finally {
    await directories.stop()
  }
}

async function work(jobs: (() => Promise<void>)[]): Promise<void> {
  for (let job = jobs.shift(); job; job = jobs.shift()) await job()
}

/** Shares out in turn; fewer shares where there is little. */
function shares(scenarios: readonly Scenario[], count: number): Scenario[][] {
  const parts = Array.from({ length: count }, (_, part) =>
    scenarios.filter((_, index) => index % count === part),
  )
  return parts.filter((part) => part.length > 0)
}

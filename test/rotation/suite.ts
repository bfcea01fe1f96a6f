import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { KeySchedule } from '../../src/keys/schedule.ts'
import type { Build } from '../faults/builds.ts'
import { openDirectories } from '../support/redis-node.ts'
import { type CampaignResult, runCampaign } from './campaign.ts'
import { CONTROLS, type Control } from './controls.ts'
import { type Deployment, type DeploymentOptions, makeScaledBuild, startDeployment } from './deployment.ts'
import { type EmergencyResult, runEmergency } from './emergency.ts'
import type { FailureReason } from './examination.ts'
import {
  AUTOMATIC,
  BY_HAND,
  NODE_CUT_OFF,
  NODE_PAUSED,
  type PlannedRotation,
  POSTGRES_DOWN,
  ROLLING_RESTART,
  type Rotation,
} from './rotations.ts'
import { FLOOR_MS, SCHEDULE } from './scale.ts'

/** How much of everything there is. The code is the same. */
export type Size = 'ci' | 'nightly'

/** A run of rotations, and what it is for. */
export interface NamedCampaign extends CampaignResult {
  readonly title: string
}

/** A program that is broken on purpose, and what was found. */
export interface ControlResult {
  readonly title: string
  readonly expects: readonly FailureReason[]
  /** How many failures for each reason. */
  readonly found: Readonly<Partial<Record<FailureReason, number>>>
  /** Whether it was found out, for the reason that it should be and for no other. */
  readonly isRed: boolean
  /** What kept it from being shown at all. */
  readonly trouble: string | undefined
}

/** What a run of the whole suite, or of a part of it, has come to. */
export interface SuiteResult {
  readonly campaigns: readonly NamedCampaign[]
  readonly controls: readonly ControlResult[]
  /** Undefined where it was not wanted. */
  readonly emergency: EmergencyResult | undefined
  readonly seconds: number
}

export interface SuiteOptions {
  readonly size: Size
  /** Only campaigns and controls whose title contains one of these; all where it is empty. */
  readonly only?: readonly string[]
  readonly onRotation?: (title: string, rotation: Rotation) => void
}

interface Campaign {
  readonly title: string
  readonly planned: readonly PlannedRotation[]
  readonly perSecond: number
  readonly schedule?: KeySchedule
}

/** Rotations of a day in which one comes each half hour (K-33). */
const SOAK_ROTATIONS = 48
/** None comes by itself in between, however slow the machine is. */
const BY_HAND_ALONE = { ...SCHEDULE, rotationPeriodSeconds: 0 }
/** One after another, as soon as that is safe. */
const IN_A_ROW = { ...SCHEDULE, rotationPeriodSeconds: FLOOR_MS / 1000 + SCHEDULE.reloadPeriodSeconds }
const CAMPAIGNS: Readonly<Record<Size, readonly Campaign[]>> = {
  ci: [{ title: 'planned rotations', planned: [NODE_PAUSED, POSTGRES_DOWN, ROLLING_RESTART], perSecond: 25 }],
  nightly: [
    {
      title: 'planned rotations',
      planned: [AUTOMATIC, NODE_PAUSED, POSTGRES_DOWN, ROLLING_RESTART, NODE_CUT_OFF, BY_HAND],
      perSecond: 45,
    },
    {
      title: 'a day of automatic rotations',
      planned: Array.from({ length: SOAK_ROTATIONS }, () => AUTOMATIC),
      perSecond: 6,
      schedule: IN_A_ROW,
    },
  ],
}
const EMERGENCY = 'an emergency'
const EMERGENCY_PER_SECOND = 20
const NODES = 3
/** What a control breaks shows with fewer. */
const BUILDS_OF_A_CONTROL: Readonly<Record<Control['runsOn'], (broken: Build, build: Build) => Build[]>> = {
  'all nodes': (broken) => [broken, broken],
  'one node of two': (broken, build) => [build, broken],
  'the only node': (broken) => [broken],
}
const CONTROL_PER_SECOND = 6
/** So long after its rotations a control may still show: what it signed is then verified for the last time. */
const CONTROL_LINGERS_MS = 8000
const POLL_MS = 100
/** Controls at once, beside a campaign: they wait most of the time. */
const LANES = 2

/** Rotates as planned, and runs every negative control, on deployments of their own. */
export async function runSuite({ size, only = [], onRotation }: SuiteOptions): Promise<SuiteResult> {
  const started = performance.now()
  const isWanted = (title: string) => only.length === 0 || only.some((part) => title.includes(part))
  const directories = await openDirectories('rotation', {})
  try {
    const root = directories.make('all')
    // All of them before anything runs: making one keeps this process busy, which would not answer meanwhile.
    const build = makeScaledBuild(join(root, 'build'))
    const wanted = CONTROLS.filter(({ title }) => isWanted(`control: ${title}`)).map((control, index) => {
      return { control, broken: makeScaledBuild(join(root, `broken-${index}`), control.patches) }
    })
    let runs = 0
    const deployed = async <T>(
      options: Omit<DeploymentOptions, 'directory'>,
      work: (deployment: Deployment) => Promise<T>,
    ): Promise<T> => {
      const deployment = await startDeployment({ ...options, directory: join(root, `run-${runs++}`) })
      try {
        return await work(deployment)
      } finally {
        await deployment.close()
      }
    }

    const campaigns: NamedCampaign[] = []
    const controls: ControlResult[] = []
    const jobs: (() => Promise<void>)[] = []
    for (const { title, planned, perSecond, schedule = SCHEDULE } of CAMPAIGNS[size]) {
      if (!isWanted(title)) continue
      jobs.push(() => {
        const builds = Array.from({ length: NODES }, () => build)
        return deployed({ builds, perSecond, schedule }, async (deployment) => {
          const told = (rotation: Rotation) => onRotation?.(title, rotation)
          campaigns.push({ title, ...(await runCampaign(deployment, planned, told)) })
        })
      })
    }
    let emergency: EmergencyResult | undefined
    if (isWanted(EMERGENCY)) {
      jobs.push(async () => {
        const builds = Array.from({ length: NODES }, () => build)
        const options = { builds, perSecond: EMERGENCY_PER_SECOND, schedule: BY_HAND_ALONE }
        emergency = await deployed(options, runEmergency)
      })
    }
    for (const { control, broken } of wanted) {
      jobs.push(async () => {
        const builds = BUILDS_OF_A_CONTROL[control.runsOn](broken, build)
        const { prepare } = control
        const options = { builds, perSecond: CONTROL_PER_SECOND, ...(prepare && { prepare }) }
        controls.push(await deployed(options, (deployment) => playControl(deployment, control)))
      })
    }
    // All end before what they work in is removed, also where one has failed.
    const ends = await Promise.allSettled(Array.from({ length: LANES }, () => work(jobs)))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return { campaigns, controls, emergency, seconds: (performance.now() - started) / 1000 }
  } finally {
    await directories.stop()
  }
}

/** Plays a control until it has shown what it should, or has had its chance. */
async function playControl(deployment: Deployment, control: Control): Promise<ControlResult> {
  const { failures } = deployment.examination
  let trouble: string | undefined
  let deadline = Number.POSITIVE_INFINITY
  const played = control.play(deployment).then(
    () => {},
    (error) => {
      trouble = String(error)
    },
  )
  void played.then(() => {
    deadline = performance.now() + CONTROL_LINGERS_MS
  })
  while (failures.length === 0 && performance.now() < deadline) await delay(POLL_MS)

  const found: Partial<Record<FailureReason, number>> = {}
  for (const { reason } of failures) found[reason] = (found[reason] ?? 0) + 1
  const reasons = Object.keys(found) as FailureReason[]
  const isRed = reasons.length > 0 && reasons.every((reason) => control.expects.includes(reason))
  return { title: control.title, expects: control.expects, found, isRed, trouble }
}

async function work(jobs: (() => Promise<void>)[]): Promise<void> {
  for (let job = jobs.shift(); job; job = jobs.shift()) await job()
}

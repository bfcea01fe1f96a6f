import type { Deployment } from './deployment.ts'
import type { Failure } from './examination.ts'
import type { Fetched } from './fleet.ts'
import { type PlannedRotation, type Rotation, rotateOnce } from './rotations.ts'

/** What a run of rotations has come to. Plain data. */
export interface CampaignResult {
  readonly rotations: readonly (Rotation & {
    /** Tokens signed by this key, and requests that got none, until the next rotation had begun. */
    readonly tokens: number
    readonly refused: number
    readonly unanswered: number
  })[]
  readonly tokens: number
  /** By kind of server. */
  readonly verifications: Readonly<Record<string, number>>
  readonly failures: readonly Failure[]
  readonly fetches: readonly Fetched[]
  readonly incidents: readonly string[]
  readonly seconds: number
}

/**
 * Rotates as planned, under load, and waits until every token has had its last second at every server.
 * @param onRotation is told of each
 */
export async function runCampaign(
  deployment: Deployment,
  planned: readonly PlannedRotation[],
  onRotation: (rotation: Rotation) => void = () => {},
): Promise<CampaignResult> {
  const { examination, load, fleet, incidents } = deployment
  const started = performance.now()
  const rotations: CampaignResult['rotations'][number][] = []
  for (const plan of planned) {
    const before = load.counts()
    const rotation = await rotateOnce(deployment, plan)
    const after = load.counts()
    rotations.push({
      ...rotation,
      tokens: 0,
      refused: after.refused - before.refused,
      unanswered: after.unanswered - before.unanswered,
    })
    onRotation(rotation)
  }
  await load.stop()
  await examination.finished()

  const perKid = new Map<string, number>()
  for (const { kid } of examination.minted) perKid.set(kid, (perKid.get(kid) ?? 0) + 1)
  return {
    rotations: rotations.map((rotation) => ({ ...rotation, tokens: perKid.get(rotation.kid) ?? 0 })),
    tokens: examination.minted.length,
    verifications: Object.fromEntries(examination.verifications),
    failures: examination.failures,
    fetches: fleet.fetches,
    incidents: [...incidents, ...load.wrong],
    seconds: (performance.now() - started) / 1000,
  }
}

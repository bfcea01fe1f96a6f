import { setTimeout as delay } from 'node:timers/promises'
import type { Deployment } from './deployment.ts'
import { FLOOR_MS, SCHEDULE } from './scale.ts'

/** How the next key comes to sign. */
export type Manner =
  /** By itself, when the rotation period is over. */
  | 'automatic'
  /** `keys rotate` as soon as the key is published: it takes over when that is safe. */
  | 'asked for early'
  /** `keys rotate` when it is safe: it takes over at this moment, and nodes learn of it when they reload. */
  | 'at once'

/** One rotation, and what happens meanwhile. */
export interface PlannedRotation {
  readonly title: string
  readonly manner: Manner
  /** What goes wrong; `switchAt` is when the next key begins to sign, ms since 1970. Resolves when it has ended. */
  readonly fault?: (deployment: Deployment, switchAt: number) => Promise<void>
}

/** A rotation that has happened. */
export interface Rotation {
  readonly title: string
  readonly manner: Manner
  readonly kid: string
  readonly publishedAt: number
  readonly activatedAt: number
}

const RELOAD_MS = SCHEDULE.reloadPeriodSeconds * 1000
const POLL_MS = 100
const READY_WITHIN_MS = 20_000
/** After the switch, until the next rotation may begin: every node signs with the new key. */
const SETTLED_MS = 2 * RELOAD_MS
/** So long before a safe moment nothing is asked at once: `keys rotate` would give the key a date. */
const SURELY_SAFE_MS = 300
/** Less than this before a key takes over by itself, it is too late to plan anything for it: the one after is taken. */
const LEAD_MS = 4000
const OUTAGE_BEFORE_MS = 1200
const OUTAGE_AFTER_MS = 1500
const RESTART_BEFORE_MS = 1500
/** Within the staleness limit, so that the node signs on all the time. */
const CUT_OFF_MS = (FLOOR_MS / 2) * 0.85

/** A node stands still for 2 P while the others switch. */
export const NODE_PAUSED: PlannedRotation = {
  title: 'a node is paused for 2 P',
  manner: 'at once',
  async fault({ nodes }, switchAt) {
    await until(switchAt - RELOAD_MS)
    nodes[2]?.signal('SIGSTOP')
    await until(switchAt + RELOAD_MS)
    nodes[2]?.signal('SIGCONT')
  },
}

/** PostgreSQL is down when the key takes over, so that no node can ask for anything. */
export const POSTGRES_DOWN: PlannedRotation = {
  title: 'PostgreSQL is down across the switch',
  manner: 'asked for early',
  async fault({ postgres }, switchAt) {
    await until(switchAt - OUTAGE_BEFORE_MS)
    await postgres.kill()
    await until(switchAt + OUTAGE_AFTER_MS)
    await postgres.start()
  },
}

/** One node after another is stopped as an orchestrator does, started again, and waited for until it is ready. */
export const ROLLING_RESTART: PlannedRotation = {
  title: 'a rolling restart',
  manner: 'asked for early',
  async fault({ nodes }, switchAt) {
    await until(switchAt - RESTART_BEFORE_MS)
    for (const node of nodes) {
      await node.terminate()
      await node.start()
      await readiness(node.directOrigin)
    }
  },
}

/**
 * One node cannot reach PostgreSQL from before this switch on, so that it misses the publication of the key after it; that
 * one shows whether its key set, which it goes on serving, got into caches for too long.
 */
export const NODE_CUT_OFF: PlannedRotation = {
  title: 'a node is cut off while the key after it is published',
  manner: 'asked for early',
  async fault({ postgresLinks }, switchAt) {
    await until(switchAt - RELOAD_MS)
    postgresLinks[2]?.set({ refuses: true })
    postgresLinks[2]?.reset()
    await until(switchAt - RELOAD_MS + CUT_OFF_MS)
    postgresLinks[2]?.heal()
  },
}

/** Nothing goes wrong; the key takes over as soon as that is safe. */
export const EARLY: PlannedRotation = { title: 'keys rotate, asked for early', manner: 'asked for early' }
export const BY_HAND: PlannedRotation = { title: 'keys rotate', manner: 'at once' }
export const AUTOMATIC: PlannedRotation = { title: 'by itself', manner: 'automatic' }

interface Row {
  kid: string
  published_at: Date
  activates_at: Date | null
}

/**
 * Rotates once, in the planned manner and with the planned fault, and resolves when every node signs with the new key.
 * @throws Error when there is nothing to rotate to
 */
export async function rotateOnce(deployment: Deployment, planned: PlannedRotation): Promise<Rotation> {
  const next = await nextKey(deployment, ({ published_at: published }) => {
    const safeAt = planned.manner === 'at once' ? published.getTime() + FLOOR_MS : 0
    return Math.max(safeAt, Date.now()) + LEAD_MS
  })
  const publishedAt = next.published_at.getTime()
  let activatedAt = next.activates_at?.getTime() ?? Number.POSITIVE_INFINITY
  let fault: Promise<void> | undefined
  if (planned.manner === 'at once') {
    const switchAt = Math.max(publishedAt + FLOOR_MS + SURELY_SAFE_MS, Date.now() + SURELY_SAFE_MS)
    fault = planned.fault?.(deployment, switchAt)
    await until(switchAt)
    await deployment.operate('rotate-now')
    activatedAt = Date.now()
  } else {
    if (planned.manner === 'asked for early') {
      await deployment.operate('rotate')
      activatedAt = (await nextKey(deployment)).activates_at?.getTime() ?? activatedAt
    }
    fault = planned.fault?.(deployment, activatedAt)
  }
  await until(activatedAt)
  await fault
  await until(activatedAt + SETTLED_MS)
  return { title: planned.title, manner: planned.manner, kid: next.kid, publishedAt, activatedAt }
}

/**
 * The key that waits for its turn, as soon as there is one: a node makes it within P of the last switch.
 * @param notBefore a key that takes over by itself before this (ms since 1970) is left alone
 */
export async function nextKey(
  { postgres }: Deployment,
  notBefore: (row: Row) => number = () => 0,
): Promise<Row> {
  const wantedBy = Date.now() + SCHEDULE.rotationPeriodSeconds * 2000
  for (; Date.now() < wantedBy; await delay(POLL_MS)) {
    const [row] = await postgres.database.query<Row>(
      `select kid, published_at, activates_at from signing_keys
       where activates_at is null or activates_at > clock_timestamp() order by activates_at limit 1`,
    )
    if (row && (row.activates_at?.getTime() ?? Number.POSITIVE_INFINITY) > notBefore(row)) return row
  }
  throw new Error('no node has published a key to rotate to')
}

async function readiness(origin: string): Promise<void> {
  const wantedBy = Date.now() + READY_WITHIN_MS
  for (; Date.now() < wantedBy; await delay(POLL_MS)) {
    const answer = await fetch(`${origin}/readyz`).catch(() => undefined)
    if (answer?.ok) return
  }
  throw new Error(`${origin} did not become ready`)
}

/** Resolves at a moment, ms since 1970. */
async function until(moment: number): Promise<void> {
  if (moment > Date.now()) await delay(moment - Date.now())
}

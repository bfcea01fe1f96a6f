import { setTimeout as delay } from 'node:timers/promises'
import type { Generator } from '../load/generator.ts'
import type { RunResult } from '../load/protocol.ts'
import type { Measurement, Mode } from '../scenarios.ts'
import type { System, SystemName } from '../systems/system.ts'
import { cpuMs, memoryMiB } from './processes.ts'
import type { SignatureMeter } from './signature.ts'

/** A figure for each part of a system; null: it has no such part. */
export interface PerPart {
  readonly server: number
  readonly redis: number | null
  readonly postgres: number | null
}

/** What one measurement found. */
export interface Sample extends RunResult {
  readonly round: number
  readonly system: SystemName
  readonly scenario: string
  readonly mode: Mode
  /** CPU of one bare signature just before, milliseconds. */
  readonly signatureMs: number
  /** CPU of all that the system did, milliseconds. */
  readonly cpuMs: PerPart
  /** The most that was seen, MiB. */
  readonly memoryMiB: PerPart
  /** Tokens of a rotation that a verifier which had fetched the JWKS just before could not have verified. */
  readonly unpublished: number
}

/** What a server writes behind its answers is part of the operation: Keyturn's anchors wait for up to 100 ms. */
const SETTLE_MS = 250
const MEMORY_EVERY_MS = 1000

/** Measures one thing on one system. */
export async function measure(
  tools: { readonly generator: Generator; readonly signature: SignatureMeter },
  system: System,
  { mode, streams, rotates }: Measurement,
  seconds: number,
): Promise<Omit<Sample, 'round' | 'scenario'>> {
  const signatureMs = await tools.signature.measure()
  let before = perPart(system, cpuMs)
  let memory = perPart(system, memoryMiB)
  const look = setInterval(() => {
    memory = combine(memory, perPart(system, memoryMiB), Math.max)
  }, MEMORY_EVERY_MS)
  const published = rotates ? await publishedKids(system) : undefined
  let rotated: Promise<void> | undefined
  try {
    const result = await tools.generator.run(system.name, system.origin, streams, seconds, () => {
      before = perPart(system, cpuMs)
      if (rotates) rotated = rotateNow(system)
    })
    await rotated
    await delay(SETTLE_MS)
    const used = combine(perPart(system, cpuMs), before, (after, earlier) => after - earlier)
    const unpublished = published ? tokensOfOtherKeys(result, published) : 0
    return { ...result, system: system.name, mode, signatureMs, cpuMs: used, memoryMiB: memory, unpublished }
  } finally {
    clearInterval(look)
  }
}

async function rotateNow(system: System): Promise<void> {
  await system
    .rotateKey?.()
    .catch((error: unknown) => process.stderr.write(`no rotation: ${String(error)}\n`))
}

async function publishedKids({ origin, operations }: System): Promise<Set<string>> {
  const answer = await fetch(origin + (operations.jwks?.path ?? ''))
  const { keys } = (await answer.json()) as { keys: { kid: string }[] }
  return new Set(keys.map(({ kid }) => kid))
}

function tokensOfOtherKeys({ streams }: RunResult, published: ReadonlySet<string>): number {
  return streams
    .flatMap(({ kids }) => Object.entries(kids))
    .reduce((sum, [kid, count]) => sum + (published.has(kid) ? 0 : count), 0)
}

function perPart({ parts }: System, figure: (pid: number) => number): PerPart {
  const of = (pid: number | undefined) => (pid === undefined ? null : figure(pid))
  return { server: figure(parts.server), redis: of(parts.redis), postgres: of(parts.postgres) }
}

function combine(left: PerPart, right: PerPart, join: (left: number, right: number) => number): PerPart {
  const of = (a: number | null, b: number | null) => (a === null || b === null ? null : join(a, b))
  return {
    server: join(left.server, right.server),
    redis: of(left.redis, right.redis),
    postgres: of(left.postgres, right.postgres),
  }
}

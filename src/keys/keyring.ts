import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Unavailable } from '../unavailable.ts'
import {
  DEFAULT_SIGNING_ALGORITHM,
  isSigningAlgorithm,
  SIGNING_ALGORITHM_NAMES,
  type SigningAlgorithm,
} from './algorithms.ts'
import { agedJwks, type PublishedJwks } from './jwks.ts'
import type { CryptoKey } from './key-material.ts'
import { assembleKeySet, type ImportedKey, type KeySet } from './key-set.ts'
import type { Nodes } from './nodes.ts'
import { type Reading, reloading } from './reloading.ts'
import { maintenanceSteps } from './rotation.ts'
import { type KeySchedule, stalenessLimitSeconds } from './schedule.ts'
import type { SealingKey } from './sealing-key.ts'
import { activeKey, minimumIssuedAt } from './signing-key.ts'
import type { SigningKeys } from './signing-keys.ts'

/** A key to sign or verify with, and what belongs into or is expected of the JWS header (RFC 7515 §4.1). */
export interface KeyInUse {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly key: CryptoKey
}

/** Whether a part may take requests, and if not, why. */
export type Readiness =
  | { readonly ready: true; readonly note?: string }
  | { readonly ready: false; readonly reason: string }

/** The signing keys in memory. Nothing here but `start`, `reload` and `maintain` waits for the database. */
export interface Keyring {
  /**
   * Reads the set, makes the first keys on an empty database, and goes on reading it every reload period. A database
   * that does not answer yet is no error: the keyring is not ready, and tries again.
   * @throws SealingKeyProblem `wrong` when the sealing key is not the one that the stored keys were sealed with
   */
  start(): Promise<void>
  /** Resolves once it is said that this node stops, or cannot be said. Does not fail. */
  stop(): Promise<void>
  /** Reads the set now; on failure the last good one stays. */
  reload(): Promise<void>
  /**
   * Does what the rotation asks for at this time, if anything, and says that this node serves; called by itself after
   * each reading. Does not fail.
   */
  maintain(): Promise<void>
  /**
   * The key of an algorithm that signs at this moment; another algorithm never takes its place.
   * @param algorithm as a client has chosen it, maybe of a newer release; the default where left out
   * @throws Unavailable when there is none that opens, or the set is too old to know which one it is
   */
  signer(algorithm?: string): KeyInUse
  /**
   * The published key of this name; undefined when there is certainly none. Never asks the database, so random kids
   * cost nothing.
   * @throws Unavailable when it is not in the set but the set is too old to tell
   */
  verificationKey(kid: string): KeyInUse | undefined
  /**
   * The least `iat` of a token signed by the key of this name that counts here: what was signed before a revocation does
   * not. Undefined where every token counts.
   */
  minimumIssuedAt(kid: string): Date | undefined
  /**
   * What is published, from memory, however old.
   * @throws Unavailable as long as there is nothing to publish
   */
  jwks(): PublishedJwks
  /** How many keys are not usable as they are stored. */
  damagedKeys(): number
  /** Ready is who can sign with the default; what is wrong with another algorithm is a note. */
  status(): Readiness
}

const PART = 'signing-keys'
const NODE_ID_BYTES = 9

/** The keyring over stored keys; without `nodes` it does not say that it serves. */
export function makeKeyring({
  signingKeys,
  nodes,
  sealingKey,
  schedule,
  clock,
  logger,
}: {
  signingKeys: SigningKeys
  nodes?: Nodes
  sealingKey: SealingKey
  schedule: KeySchedule
  clock: Clock
  logger: Logger
}): Keyring {
  const nodeId = randomBytes(NODE_ID_BYTES).toString('base64url')
  let maintaining: Promise<void> | undefined
  let isStopped = false
  const sets = reloading<Awaited<ReturnType<SigningKeys['load']>>, KeySet>({
    read: () => signingKeys.load(),
    accept: (loaded, before) => assembleKeySet(loaded, before, { sealingKey, schedule, logger }),
    onRead: () => void maintain(),
    what: 'signing keys',
    clock,
    schedule,
    logger,
  })

  /** Worth a try, and no reason to fail. The reading does not wait for lines that were added; `keys reseal` does. */
  async function report(): Promise<void> {
    if (isStopped || !nodes) return
    await sealingKey.reread('routine')
    try {
      await nodes.report({
        id: nodeId,
        jwksMaxAgeSeconds: schedule.jwksMaxAgeSeconds,
        sealingKeys: sealingKey.fingerprints,
        signsWith: signsWith(),
      })
    } catch (error) {
      logger.warn({ err: error }, 'this node could not say that it serves')
    }
  }

  function signsWith(): string | null {
    try {
      return signer().kid
    } catch {
      return null
    }
  }

  /** Beside the reading, never in its way: a lock that some other node holds must not make this one's set old. */
  function maintain(): Promise<void> {
    maintaining ??= maintainOnce()
      .catch((error) => logger.warn({ err: error }, 'the signing keys were not maintained'))
      .then(report)
      .finally(() => {
        maintaining = undefined
      })
    return maintaining
  }

  async function maintainOnce(): Promise<void> {
    const reading = sets.latest()
    // A node whose sealing key may be the wrong one must not seal a new key with it.
    if (!reading?.value.isRightlySealed) return
    const { rows, schedule: rules } = reading.value
    if (maintenanceSteps(rows, reading.databaseNow(), rules).length === 0) return
    for (const step of await signingKeys.maintain(schedule)) {
      logger.info({ ...step }, 'a signing key was maintained')
    }
    await sets.reload()
  }

  function unavailable(reason: string): Unavailable {
    return new Unavailable(PART, reason, { retryAfterSeconds: Math.ceil(schedule.reloadPeriodSeconds) })
  }

  /** The set and the time, provided that it is young enough to decide by. */
  function current(): Reading<KeySet> {
    const reading = sets.latest()
    if (!reading || reading.value.keys.size === 0) throw unavailable('there is no key set yet')
    const age = reading.ageSeconds()
    if (age > stalenessLimitSeconds(schedule)) throw unavailable(`the key set is ${Math.round(age)} s old`)
    return reading
  }

  function signer(algorithm: string = DEFAULT_SIGNING_ALGORITHM): KeyInUse {
    const { value, databaseNow } = current()
    const active = isSigningAlgorithm(algorithm) && activeKey(value.rows, algorithm, databaseNow())
    if (!active) throw unavailable(`there is no active ${algorithm} key`)
    const key = value.keys.get(active.kid)?.privateKey
    if (!key) throw unavailable(`the active key ${active.kid} cannot be opened`)
    return { kid: active.kid, algorithm: active.algorithm, key }
  }

  /** The algorithms of which a key should sign, and none does. */
  function mute(): string | undefined {
    const { value, databaseNow } = current()
    const now = databaseNow()
    const begun = value.rows.filter(({ activatesAt }) => activatesAt && activatesAt <= now)
    const muted = SIGNING_ALGORITHM_NAMES.filter(
      (name) => begun.some(({ algorithm }) => algorithm === name) && !canSign(name),
    )
    return muted.length === 0 ? undefined : `no key signs ${muted.join(', ')}`
  }

  function canSign(algorithm: SigningAlgorithm): boolean {
    try {
      signer(algorithm)
      return true
    } catch (error) {
      if (error instanceof Unavailable) return false
      throw error
    }
  }

  return {
    async start() {
      if (nodes) logger.info({ node: nodeId }, 'the name that this node serves under')
      await sets.start()
      await maintain()
    },
    async stop() {
      sets.stop()
      isStopped = true
      await maintaining
      await nodes?.stopped(nodeId).catch((error: unknown) => {
        logger.warn({ err: error }, 'this node could not say that it stops')
      })
    },
    reload: () => sets.reload(),
    maintain,
    signer,
    verificationKey(kid) {
      const key = sets.latest()?.value.keys.get(kid)
      if (key) return verifier(key)
      current()
      return undefined
    },
    minimumIssuedAt(kid) {
      const set = sets.latest()?.value
      const key = set?.keys.get(kid)
      return set && key && minimumIssuedAt(key, set.rows)
    },
    damagedKeys: () => sets.latest()?.value.damaged ?? 0,
    jwks() {
      const reading = sets.latest()
      if (!reading?.value.jwks) throw unavailable('there is no key to publish yet')
      return agedJwks(reading.value.jwks, reading.ageSeconds(), schedule)
    },
    status() {
      try {
        signer()
        const note = mute()
        return note === undefined ? { ready: true } : { ready: true, note }
      } catch (error) {
        if (error instanceof Unavailable) return { ready: false, reason: error.message }
        throw error
      }
    },
  }
}

function verifier({ kid, algorithm, publicKey }: ImportedKey): KeyInUse {
  return { kid, algorithm, key: publicKey }
}

import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { addSeconds } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import { unknownAlgorithm } from './algorithm-choice.ts'
import {
  algorithmRow,
  DEFAULT_SIGNING_ALGORITHM,
  isSigningAlgorithm,
  SIGNING_ALGORITHM_NAMES,
  type SigningAlgorithm,
} from './algorithms.ts'
import { readPrivateKey } from './private-key-text.ts'
import { type KeySchedule, publishToActivateSeconds, reckoningWith } from './schedule.ts'
import { keyLives, type SigningKey } from './signing-key.ts'
import type { SigningKeys } from './signing-keys.ts'

/** What an import did. Plain data; times are ISO 8601. */
export interface ImportReport {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  /** `active` where it is the first key of all: what an issuer brings along that has none of our keys yet. */
  readonly phase: 'next' | 'active'
  readonly publishedAt: string
  readonly activatesAt: string
  /** What should be known about it. */
  readonly notes: readonly string[]
}

/**
 * Brings a signing key along. It is published now and signs as soon as every verifier knows it, like any other key; only
 * where there are no keys at all it signs at once, as the key of an issuer that moves here.
 * The returned function throws Refusal: as `readPrivateKey` does, `unsuitable_key`, `algorithm_unknown`, `key_exists`.
 */
export function makeImport(signingKeys: SigningKeys, schedule: KeySchedule) {
  return async function importKey(
    text: string,
    chosen: string | undefined,
    actor: string,
  ): Promise<ImportReport> {
    const read = readPrivateKey(text)
    const algorithm = algorithmFor(read.privateKey, chosen, read.algorithm)
    const pair = await signingKeys.seal(algorithm, read.privateKey)
    // The default must have its keys first: an import of another kind must not leave it without one for a while.
    if (algorithm !== DEFAULT_SIGNING_ALGORITHM) await signingKeys.maintain(schedule)
    const report = await signingKeys.change((loaded) => {
      const { keys, now } = loaded
      const rules = reckoningWith(schedule, loaded.jwksMaxAgeSeconds)
      requireNew(pair.kid, keys, now, rules)
      const isFirst = keys.length === 0
      const activatesAt = isFirst ? now : addSeconds(now, publishToActivateSeconds(rules))
      const result: ImportReport = {
        kid: pair.kid,
        algorithm,
        phase: isFirst ? 'active' : 'next',
        publishedAt: now.toISOString(),
        activatesAt: activatesAt.toISOString(),
        notes: read.kid === undefined || read.kid === pair.kid ? [] : [foreignKid(read.kid)],
      }
      return { changes: [{ change: 'import', pair, activatesAt }], result }
    }, actor)
    await signingKeys.maintain(schedule).catch(() => {})
    return report
  }
}

function algorithmFor(
  key: KeyObject,
  chosen: string | undefined,
  ofJwk: string | undefined,
): SigningAlgorithm {
  if (chosen !== undefined && ofJwk !== undefined && chosen !== ofJwk) {
    throw new Refusal('unsuitable_key', `its JWK says alg: ${JSON.stringify(ofJwk)}, not ${chosen}`)
  }
  const name = chosen ?? ofJwk
  if (name !== undefined) {
    if (!isSigningAlgorithm(name)) throw unknownAlgorithm(name)
    return name
  }
  const kty = ktyOf(key)
  const fitting = SIGNING_ALGORITHM_NAMES.find((known) => algorithmRow(known).kty === kty)
  if (fitting) return fitting
  throw new Refusal(
    'unsuitable_key',
    `a key of the kind ${key.asymmetricKeyType} fits none of ${SIGNING_ALGORITHM_NAMES.join(', ')}`,
  )
}

/** Undefined for a kind of key that a JWK cannot carry. */
function ktyOf(key: KeyObject): string | undefined {
  try {
    return createPublicKey(key).export({ format: 'jwk' }).kty
  } catch {
    return undefined
  }
}

function requireNew(kid: string, keys: readonly SigningKey[], now: Date, schedule: KeySchedule): void {
  const life = keyLives(keys, now, schedule).find(({ key }) => key.kid === kid)
  if (life === undefined) return
  const { revokedAt } = life.key
  throw new Refusal(
    'key_exists',
    revokedAt === null
      ? `this key is here already, as ${kid} (${life.phase})`
      : `this key is ${kid}, which was revoked at ${revokedAt.toISOString()}: make another`,
  )
}

function foreignKid(kid: string): string {
  return `its JWK calls it ${JSON.stringify(kid)}; here a kid is the key's RFC 7638 thumbprint, so a token that names the other kid finds no key in our JWKS`
}

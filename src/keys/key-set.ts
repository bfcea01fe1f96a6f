import type { Logger } from '../telemetry/logger.ts'
import { makeJwks, type PublishedJwks } from './jwks.ts'
import { type CryptoKey, importPublicKey, openSigningKey, type PublicJwk } from './key-material.ts'
import { type KeySchedule, reckoningWith } from './schedule.ts'
import { type SealingKey, wrongSealingKey } from './sealing-key.ts'
import { keyLives, type SigningKey } from './signing-key.ts'
import type { LoadedSigningKeys, StoredSigningKey } from './signing-keys.ts'

/** A signing key in memory, imported once. */
export interface ImportedKey extends SigningKey {
  readonly publicJwk: PublicJwk
  readonly publicKey: CryptoKey
  /** Undefined where the private part is wiped, or does not open: such a key verifies, and never signs. */
  readonly privateKey: CryptoKey | undefined
  readonly sealedPrivateKey: Buffer | null
  /** Whether the private part that is stored now opens. */
  readonly isOpened: boolean
}

/** All keys that a node works with, from one reading of the database. */
export interface KeySet {
  /** Every row, for the rules. */
  readonly rows: readonly SigningKey[]
  /** What is published and verified with, by kid. */
  readonly keys: ReadonlyMap<string, ImportedKey>
  /** What the rules of their life reckon with: some node may advertise another `max-age` than this one. */
  readonly schedule: KeySchedule
  /** Undefined where there is no key: an empty set is never published (RFC 7517 allows it, its readers break). */
  readonly jwks: PublishedJwks | undefined
  /** Whether the sealing key is known to be the right one: it opens a row, or there is none to open. */
  readonly isRightlySealed: boolean
}

interface Dependencies {
  readonly sealingKey: SealingKey
  readonly schedule: KeySchedule
  readonly logger: Logger
}

/**
 * Makes the key set of what was loaded. A row that is damaged costs only what depends on it, and is logged as an
 * error: without its private part a key stays published; what was imported from it before it was damaged stays in use.
 * @param before the set kept so far; its keys are not imported again
 * @throws SealingKeyProblem `wrong` when there is no set yet and the sealing key opens none of the private parts
 */
export async function assembleKeySet(
  loaded: LoadedSigningKeys,
  before: KeySet | undefined,
  { sealingKey, schedule, logger }: Dependencies,
): Promise<KeySet> {
  const keys = new Map<string, ImportedKey>()
  const rules = reckoningWith(schedule, loaded.jwksMaxAgeSeconds)
  for (const { key, phase } of keyLives(loaded.keys, loaded.now, rules)) {
    if (phase === 'gone' || phase === 'revoked') continue
    const imported = await importKey(key, before?.keys.get(key.kid), sealingKey, logger)
    if (imported) keys.set(key.kid, imported)
  }
  const sealed = [...keys.values()].filter(({ sealedPrivateKey }) => sealedPrivateKey !== null)
  const isRightlySealed = sealed.length === 0 || sealed.some(({ isOpened }) => isOpened)
  if (!isRightlySealed && before === undefined) throw wrongSealingKey(sealingKey)
  return {
    rows: loaded.keys,
    keys,
    schedule: rules,
    jwks: keys.size === 0 ? undefined : makeJwks([...keys.values()], schedule),
    isRightlySealed,
  }
}

async function importKey(
  stored: StoredSigningKey,
  before: ImportedKey | undefined,
  sealingKey: SealingKey,
  logger: Logger,
): Promise<ImportedKey | undefined> {
  const { kid, sealedPrivateKey } = stored
  // A kid is the hash of its public key, so the one imported before is the same for ever.
  const publicPart = before ?? (await importPublicKey(stored).catch(damaged('public', kid, logger)))
  if (publicPart === undefined) return undefined
  const { publicJwk, publicKey } = publicPart
  const life = { ...lifeOf(stored), publicJwk, publicKey, sealedPrivateKey }

  if (sealedPrivateKey === null) return { ...life, privateKey: undefined, isOpened: false }
  if (before?.sealedPrivateKey?.equals(sealedPrivateKey)) {
    return { ...life, privateKey: before.privateKey, isOpened: before.isOpened }
  }
  const opened = await openSigningKey({ ...stored, sealedPrivateKey }, sealingKey).catch(
    damaged('private', kid, logger),
  )
  return { ...life, privateKey: opened ?? before?.privateKey, isOpened: opened !== undefined }
}

function lifeOf(key: SigningKey): SigningKey {
  const { kid, algorithm, publishedAt, activatesAt, revokedAt, holdsPrivateKey } = key
  return { kid, algorithm, publishedAt, activatesAt, revokedAt, holdsPrivateKey }
}

/** Logs that a part of a row is of no use. Said once: what was damaged at the last reading is not tried again. */
function damaged(part: 'public' | 'private', kid: string, logger: Logger) {
  return (error: unknown): undefined => {
    logger.error({ err: error, kid }, `the ${part} part of a signing key cannot be used`)
  }
}

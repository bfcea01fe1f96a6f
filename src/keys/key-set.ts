import type { Logger } from '../telemetry/logger.ts'
import { makeJwks, type PublishedJwks } from './jwks.ts'
import {
  type CryptoKey,
  importPublicKey,
  openSigningKey,
  opensSigningKey,
  type PublicJwk,
} from './key-material.ts'
import { type KeySchedule, reckoningWith } from './schedule.ts'
import { type SealingKey, type SealingKeyLines, wrongSealingKey } from './sealing-key.ts'
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
  /** Whether the sealing key is known to be the right one: it opens a row, or has sealed one, or there is none to open. */
  readonly isRightlySealed: boolean
  /** How many rows have a part that cannot be used. */
  readonly damaged: number
  /** What was tried to open the rows with. */
  readonly lines: SealingKeyLines
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
  // An operator may have added a line, and wants to know that this node has it before anything is sealed with it.
  void sealingKey.reread('routine')
  if (loaded.keys.some((key) => isUnopenedNews(key, before, sealingKey))) await sealingKey.reread('unopened')
  const lines = sealingKey.lines()
  // What did not open with other lines may open now.
  const isToTryAgain = before?.lines !== lines
  const keys = new Map<string, ImportedKey>()
  let unusable = 0
  const rules = reckoningWith(schedule, loaded.jwksMaxAgeSeconds)
  for (const { key, phase } of keyLives(loaded.keys, loaded.now, rules)) {
    if (phase === 'gone' || phase === 'revoked') continue
    const imported = await importKey(key, before?.keys.get(key.kid), isToTryAgain, sealingKey, logger)
    if (imported) keys.set(key.kid, imported)
    else unusable++
  }
  const sealed = [...keys.values()].filter(({ sealedPrivateKey }) => sealedPrivateKey !== null)
  const isRightlySealed =
    sealed.length === 0 || sealed.some(({ isOpened }) => isOpened) || hasSealed(loaded, lines)
  if (!isRightlySealed && before === undefined) {
    throw wrongSealingKey(
      sealingKey,
      loaded.keys.map(({ sealedWith }) => sealedWith),
    )
  }
  return {
    rows: loaded.keys,
    keys,
    schedule: rules,
    jwks: keys.size === 0 ? undefined : makeJwks([...keys.values()], schedule),
    isRightlySealed,
    damaged: unusable + sealed.filter(({ isOpened }) => !isOpened).length,
    lines,
  }
}

/** Whether a private part has been stored or sealed anew since the last reading, and does not open. */
function isUnopenedNews(
  { kid, sealedPrivateKey }: StoredSigningKey,
  before: KeySet | undefined,
  sealingKey: SealingKey,
): boolean {
  if (sealedPrivateKey === null || before?.keys.get(kid)?.sealedPrivateKey?.equals(sealedPrivateKey))
    return false
  return !opensSigningKey(kid, sealedPrivateKey, sealingKey)
}

/** Whether one of the lines has sealed a row: what does not open nevertheless is damaged. */
function hasSealed({ keys }: LoadedSigningKeys, lines: SealingKeyLines): boolean {
  return keys.some(({ sealedWith }) => lines.some(({ fingerprint }) => fingerprint === sealedWith))
}

async function importKey(
  stored: StoredSigningKey,
  before: ImportedKey | undefined,
  isToTryAgain: boolean,
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
  const isKnown = before?.sealedPrivateKey?.equals(sealedPrivateKey) ?? false
  if (before && isKnown && (before.isOpened || !isToTryAgain)) {
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

import { createHash, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathRefusal } from '../path-refusal.ts'
import { Refusal } from '../refusal.ts'

const FILE = 'sealing.key'
const KEY_BYTES = 32
/** 32 bytes in base64url; the last character carries four bits, so only one spelling of each key is right. */
const KEY_TEXT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
/** Enough to tell keys apart; says nothing about the key. */
const FINGERPRINT_LENGTH = 8

/** The key-encryption key: it seals every private and symmetric key, and is never in the database. */
export interface SealingKey {
  readonly bytes: Buffer
  /** Names the key in messages. */
  readonly fingerprint: string
}

/** The sealing key is missing, malformed, unreadable or the wrong one. A configuration mistake: commands exit 78. */
export class SealingKeyProblem extends Error {
  readonly kind: 'missing' | 'unreadable' | 'malformed' | 'wrong'

  constructor(kind: SealingKeyProblem['kind'], message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'SealingKeyProblem'
    this.kind = kind
  }
}

/** Where the sealing key lies in a keys directory. */
export function sealingKeyPath(directory: string): string {
  return join(directory, FILE)
}

/**
 * Makes a new sealing key in `<directory>/sealing.key`, readable by its owner alone, and the directory if need be. It
 * is written beside its place and linked into it, so that a crash leaves no key or a whole one.
 * @throws Refusal `sealing_key_exists`: it is never overwritten, since everything it sealed would be lost; or one that
 * says why the directory cannot be used
 */
export async function createSealingKey(directory: string): Promise<SealingKey> {
  const path = sealingKeyPath(directory)
  const bytes = randomBytes(KEY_BYTES)
  const draft = `${path}.${randomBytes(8).toString('hex')}.new`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await write(draft, `${bytes.toString('base64url')}\n`)
    await link(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
      throw new Refusal('sealing_key_exists', `${path} exists already and is never overwritten`)
    })
  } catch (error) {
    throw pathRefusal(error, directory, 'KEYTURN_KEYS_DIR')
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
  return sealingKey(bytes)
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Reads the sealing key of a keys directory.
 * @throws SealingKeyProblem with what to do about it
 */
export async function readSealingKey(directory: string): Promise<SealingKey> {
  const path = sealingKeyPath(directory)
  const text = await readFile(path, 'latin1').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') {
      throw new SealingKeyProblem(
        'missing',
        `${path} does not exist: mount the sealing key of this database there, or create one for a new database ` +
          'with keyturn keys init',
      )
    }
    const reason = codeOf(error) ?? 'unknown error'
    throw new SealingKeyProblem(
      'unreadable',
      `${path} cannot be read (${reason}): check its owner and mode`,
      {
        cause: error,
      },
    )
  })
  const encoded = text.trim()
  if (!KEY_TEXT.test(encoded)) {
    throw new SealingKeyProblem(
      'malformed',
      `${path} is not a sealing key: it must hold ${KEY_BYTES} bytes in base64url, as keyturn keys init writes them`,
    )
  }
  return sealingKey(Buffer.from(encoded, 'base64url'))
}

/** A key from its 32 bytes. */
export function sealingKey(bytes: Buffer): SealingKey {
  const fingerprint = createHash('sha256').update('keyturn sealing key').update(bytes).digest('hex')
  return { bytes, fingerprint: fingerprint.slice(0, FINGERPRINT_LENGTH) }
}

/** There are sealed keys, and `key` opens none of them. */
export function wrongSealingKey(key: SealingKey): SealingKeyProblem {
  return new SealingKeyProblem(
    'wrong',
    `the sealing key (fingerprint ${key.fingerprint}) opens none of the keys in the database: mount the sealing.key ` +
      'that they were sealed with',
  )
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

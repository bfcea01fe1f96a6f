import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathRefusal } from '../path-refusal.ts'
import { Refusal } from '../refusal.ts'
import {
  holdSealingKey,
  newSealingKeyLine,
  parseLines,
  printLine,
  type SealingKey,
  type SealingKeyLines,
  SealingKeyProblem,
} from './sealing-key.ts'

const FILE = 'sealing.key'

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
  const line = newSealingKeyLine()
  await writeBeside(path, printLine(line), async (draft) => {
    await link(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
      throw new Refusal(
        'sealing_key_exists',
        `${path} exists already and is never overwritten; keyturn keys init --add puts a new key beside the old one`,
      )
    })
  })
  return holdSealingKey([line])
}

/**
 * Puts a new line in front of those in `<directory>/sealing.key`, which stay. The whole file is written beside its place
 * and takes it at once: whoever reads it, and whatever crashes, finds the old lines alone or all of them.
 * @throws SealingKeyProblem where there is no file yet, or none that can be read
 */
export async function addSealingKeyLine(directory: string): Promise<SealingKey> {
  const path = sealingKeyPath(directory)
  const before = await readSealingKeyFile(directory)
  const lines = [newSealingKeyLine(), ...before] as const
  const text = lines.map(printLine).join('')
  parseLines(text, path)
  await writeBeside(path, text, (draft) => rename(draft, path))
  return holdSealingKey(lines)
}

/**
 * Reads the lines of a keys directory.
 * @throws SealingKeyProblem with what to do about it
 */
export async function readSealingKeyFile(directory: string): Promise<SealingKeyLines> {
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
  return parseLines(text, path)
}

/** Writes a file of the owner's own beside `path`, has it put in place, and sees that both reach the disk. */
async function writeBeside(path: string, text: string, putInPlace: (draft: string) => Promise<void>) {
  const directory = dirname(path)
  const draft = `${path}.${randomBytes(8).toString('hex')}.new`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await write(draft, text)
    await putInPlace(draft)
    await syncDirectory(directory)
  } catch (error) {
    throw pathRefusal(error, directory, 'KEYTURN_KEYS_DIR')
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
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

/** The name of a file is in its directory: without this a power cut could leave the old one, or none. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../refusal.ts'
import { announcePresence, clearAfter, type Holder, type Liveness, livenessOf } from './presence.ts'

/** What stands in a lock file: who holds the directory, or that its holder gave it back. */
type Entry = { readonly holder: Holder } | { readonly released: true }

/** A directory that only this process uses, until it is given back. */
export interface DirectoryLock {
  release(): void
}

const NAME = /^lock\.(\d{1,15})$/

/**
 * Takes a directory for this process alone, or refuses.
 *
 * The files `lock.N` in it follow one another; the one with the highest number counts, and is never removed. A holder
 * that is gone is succeeded by creating the next number, with its content, in one atomic step: of any number of
 * processes that do so at once, one succeeds. A lock is not taken over by replacing its file: between looking and
 * replacing, somebody else might have done the same.
 * @param look how to find out whether a holder still runs
 * @throws Refusal `data_directory_in_use` when another process has it, `data_directory_locked` when nobody can tell
 */
export async function lockDirectory(
  directory: string,
  look: (holder: Holder, directory: string) => Promise<Liveness> = livenessOf,
): Promise<DirectoryLock> {
  const presence = await announcePresence(directory)
  try {
    const number = await claim(directory, presence.holder, look)
    return {
      release() {
        renameSync(write(directory, { released: true }), file(directory, number))
        presence.end()
      },
    }
  } catch (error) {
    presence.end()
    throw error
  }
}

async function claim(
  directory: string,
  holder: Holder,
  look: (holder: Holder, directory: string) => Promise<Liveness>,
): Promise<number> {
  for (;;) {
    const newest = numbersIn(directory).at(-1) ?? 0
    if (newest > 0 && !(await isFree(directory, newest, look))) continue
    const own = newest + 1
    if (!create(directory, own, { holder })) continue
    // Whoever looked long ago may create a number that was given back and cleared away meanwhile.
    if (numbersIn(directory).at(-1) === own) {
      clearBelow(directory, own)
      return own
    }
    rmSync(file(directory, own))
  }
}

/** Whether the lock with this number is nobody's. False when it has vanished: look again. */
async function isFree(
  directory: string,
  number: number,
  look: (holder: Holder, directory: string) => Promise<Liveness>,
): Promise<boolean> {
  const entry = read(directory, number)
  if (entry === undefined) return false
  if ('released' in entry) return true
  const liveness = await look(entry.holder, directory)
  if (liveness === 'gone') return true
  if (liveness === 'unknown') throw unclear(directory, number)
  throw new Refusal(
    'data_directory_in_use',
    `${directory} is already in use by process ${entry.holder.pid}: stop it first, or give this one a directory of its own (KEYTURN_DATA_DIR)`,
  )
}

function read(directory: string, number: number): Entry | undefined {
  let text: string
  try {
    text = readFileSync(file(directory, number), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // A machine that lost power may leave the file empty.
  if (!/^\{"(holder|released)":.*\}\n$/.test(text)) throw unclear(directory, number)
  return JSON.parse(text) as Entry
}

/** Creates the lock with its content in one step; false when another process was faster. */
function create(directory: string, number: number, entry: Entry): boolean {
  const draft = write(directory, entry)
  try {
    linkSync(draft, file(directory, number))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft)
  }
}

/** Writes an entry to a file of its own, to be linked or renamed into place, and returns its path. */
function write(directory: string, entry: Entry): string {
  const path = join(directory, `lock-${randomBytes(8).toString('hex')}.draft`)
  const descriptor = openSync(path, 'wx', 0o600)
  try {
    writeSync(descriptor, `${JSON.stringify(entry)}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  return path
}

function clearBelow(directory: string, own: number): void {
  for (const number of numbersIn(directory).filter((number) => number < own)) {
    const entry = read(directory, number)
    if (entry !== undefined && 'holder' in entry) clearAfter(entry.holder, directory)
    rmSync(file(directory, number), { force: true })
  }
}

/** The numbers of the locks, lowest first. */
function numbersIn(directory: string): number[] {
  return readdirSync(directory)
    .map((name) => Number(NAME.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b)
}

function file(directory: string, number: number): string {
  return join(directory, `lock.${number}`)
}

function unclear(directory: string, number: number): Refusal {
  return new Refusal(
    'data_directory_locked',
    `${file(directory, number)} does not tell whether its process still runs: make sure that no Keyturn uses ${directory}, then delete that file`,
  )
}

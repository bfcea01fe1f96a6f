import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PGLITE_POSTGRES_MAJOR } from '../postgres/pglite.ts'
import { Refusal } from '../refusal.ts'
import { lockDirectory } from './directory-lock.ts'

/** The directory in which embedded mode keeps everything, held by this process. */
export interface DataDirectory {
  readonly path: string
  /** Where PostgreSQL's files are, or will be: see `hasDatabase`. */
  readonly databasePath: string
  /** Whether a database was there when the directory was opened. */
  readonly hasDatabase: boolean
  /** Gives the directory back. PostgreSQL must have been closed before. */
  release(): void
}

const GROUP_AND_OTHERS = 0o077
const OTHERS_WRITE = 0o002

/**
 * Makes the data directory where it is missing, private to its owner, and takes it for this process alone: two processes
 * on one database overwrite each other without an error.
 *
 * One that belongs to another user (a mounted volume) keeps its mode; what we put into it is private all the same. The lock
 * sees every process of this machine, in a container or not. It does not see other machines: the directory must
 * not be shared over a network.
 * @throws Refusal when it is in use, unsafe, or holds a database of another major version of PostgreSQL
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const directory = resolve(path)
  makePrivate(directory)
  const lock = await lockDirectory(directory)
  try {
    const databasePath = join(directory, 'postgres')
    const hasDatabase = existsSync(databasePath)
    if (hasDatabase) checkVersion(directory, databasePath)
    return { path: directory, databasePath, hasDatabase, release: lock.release }
  } catch (error) {
    lock.release()
    throw error
  }
}

function makePrivate(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { mode, uid } = statSync(directory)
  if (uid === process.getuid?.()) {
    if (mode & GROUP_AND_OTHERS) chmodSync(directory, 0o700)
  } else if (mode & OTHERS_WRITE) {
    throw new Refusal(
      'data_directory_unsafe',
      `${directory} belongs to another user and everybody may write to it: set KEYTURN_DATA_DIR to a directory of your own`,
    )
  }
}

/** PostgreSQL itself writes the file PG_VERSION when it makes a database. */
function checkVersion(directory: string, databasePath: string): void {
  const file = join(databasePath, 'PG_VERSION')
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : '(unknown version)'
  if (version === String(PGLITE_POSTGRES_MAJOR)) return
  throw new Refusal(
    'data_directory_version',
    `${directory} holds a database of PostgreSQL ${version}, and this Keyturn brings PostgreSQL ${PGLITE_POSTGRES_MAJOR}: start the version of Keyturn that made it, or move the directory away to begin with an empty one`,
  )
}

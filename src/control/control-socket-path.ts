import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Refusal } from '../refusal.ts'

/** A socket's path has to fit in 104 bytes (macOS) or 108 (Linux), with the zero at its end. */
const MAX_PATH_BYTES = 100
const GROUP_AND_OTHERS = 0o077
const OTHERS_WRITE = 0o002
const STICKY = 0o1000

/**
 * Where the socket of the process that holds `dataDirectory` is, running or not: in that directory, or, where the path
 * would be too long, in a private directory of ours under `runtimeDirectory`, which is made when missing.
 *
 * Passwords pass through it, so that directory must be one that nobody else can have put there: in a shared `/tmp` anybody
 * may make `keyturn-1000` first.
 * @param uid who we are
 * @throws Refusal `runtime_directory_unsafe`
 */
export function controlSocketPath(
  dataDirectory: string,
  runtimeDirectory: string,
  uid: number | undefined = process.getuid?.(),
): string {
  const directory = existsSync(dataDirectory) ? realpathSync(dataDirectory) : resolve(dataDirectory)
  const path = join(directory, 'control.sock')
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path

  const name = createHash('sha256').update(directory).digest('hex').slice(0, 32)
  return join(privateDirectory(resolve(runtimeDirectory), uid), `${name}.sock`)
}

function privateDirectory(parent: string, uid: number | undefined): string {
  const directory = join(parent, `keyturn-${uid ?? 'user'}`)
  const { mode: parentMode } = statSync(parent)
  if (parentMode & OTHERS_WRITE && !(parentMode & STICKY)) {
    throw unsafe(directory, `anybody may replace what is in ${parent}`)
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const found = lstatSync(directory)
  if (!found.isDirectory()) throw unsafe(directory, 'it is not a directory')
  if (uid !== undefined && found.uid !== uid) throw unsafe(directory, 'it belongs to another user')
  if (found.mode & GROUP_AND_OTHERS) throw unsafe(directory, 'others may enter it')
  return directory
}

function unsafe(directory: string, reason: string): Refusal {
  return new Refusal(
    'runtime_directory_unsafe',
    `${directory} cannot be used for the control socket: ${reason}. Remove it, or give KEYTURN_DATA_DIR a shorter path`,
  )
}

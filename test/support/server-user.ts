import { chownSync, mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Who runs the servers, as `spawn` wants it: empty where that is ourselves. */
export type ServerUser = { uid: number; gid: number } | Record<never, never>

/** PostgreSQL refuses to run as root, so root hands its servers to one of these, the first that exists. */
const UNPRIVILEGED = ['postgres', 'nobody']

/** The user that test servers run as: ourselves, or an unprivileged one where we are root. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {}
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of UNPRIVILEGED) {
    const account = accounts.find(([candidate]) => candidate === name)
    if (account) return { uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error(`root needs one of the users ${UNPRIVILEGED.join(', ')} to run PostgreSQL as`)
}

/** A new directory that the server user owns and can reach, for one server's data. */
export function serverDirectory(name: string): string {
  const directory = mkdtempSync(join(reachableTemporaryDirectory(), `keyturn-${name}-`))
  const user = serverUser()
  if ('uid' in user) chownSync(directory, user.uid, user.gid)
  return directory
}

/** The system's temporary directory, or /tmp where root's own lies in a place that only root can enter. */
function reachableTemporaryDirectory(): string {
  for (let path = tmpdir(); path !== '/'; path = dirname(path)) {
    const enterableByAll = (statSync(path).mode & 0o001) !== 0
    if ('uid' in serverUser() && !enterableByAll) return '/tmp'
  }
  return tmpdir()
}

import { type Stats, statSync } from 'node:fs'
import { type SealingKeyProblem, sealingKeyPath } from '../keys/sealing-key.ts'
import { type CheckResult, type Finding, fail, ok, skipped, warn } from './check.ts'
import { obstacleToWriting } from './writable.ts'

const GROUP_READ = 0o040
const OTHERS_READ = 0o004
const GROUP_OR_OTHERS_WRITE = 0o022

/** What was found of the sealing key. */
export interface SealingKeyFacts {
  /** `keys/`, absolute. */
  readonly directory: string
  /** Set where the key can be used. */
  readonly fingerprint: string | undefined
  /** Set where it cannot. */
  readonly problem: SealingKeyProblem | undefined
  /** Whether the first embedded start is still to come, and will make it. */
  readonly isMadeAtStart: boolean
}

/** The sealing key: whether it can be read, and by whom else. */
export function sealingKeyChecks(facts: SealingKeyFacts): CheckResult[] {
  const { directory, fingerprint } = facts
  const path = sealingKeyPath(directory)
  const file = fingerprint === undefined ? skipped('there is no usable sealing key') : fileAccess(path)
  return [
    { check: 'sealing key', ...usability(facts) },
    { check: 'sealing key file', ...file },
    { check: 'keys directory', ...directoryAccess(directory) },
  ]
}

function usability({ fingerprint, problem, isMadeAtStart, directory }: SealingKeyFacts): Finding {
  if (fingerprint !== undefined) return ok(`${sealingKeyPath(directory)}, fingerprint ${fingerprint}`)
  if (problem?.kind === 'missing' && isMadeAtStart) {
    const obstacle = obstacleToWriting(directory)
    if (obstacle === undefined) return skipped('the first start makes it')
    return fail(obstacle, 'set KEYTURN_KEYS_DIR to a directory that the user Keyturn runs as may write to')
  }
  return fail(
    problem?.message ?? 'it cannot be used',
    'mount the sealing key of this database; keyturn keys init makes one for a new database',
  )
}

/** Whoever reads the file can open every private key in a copy of the database. */
function fileAccess(path: string): Finding {
  const { mode, uid } = statSync(path)
  const advice = `chmod 600 ${path} (a mounted secret: mode 0400)`
  if (mode & OTHERS_READ) return fail(`mode ${octal(mode)}: everybody on this machine can read it`, advice)
  if (mode & GROUP_OR_OTHERS_WRITE) return fail(`mode ${octal(mode)}: others can overwrite it`, advice)
  if (mode & GROUP_READ) return warn(`mode ${octal(mode)}: its group can read it`, advice)
  if (!isTrusted(uid)) return warn(`it belongs to user ${uid}`, `chown it to the user that Keyturn runs as`)
  return ok(`mode ${octal(mode)}`)
}

function directoryAccess(directory: string): Finding {
  let stats: Stats
  try {
    stats = statSync(directory)
  } catch {
    return skipped(`${directory} does not exist`)
  }
  const { mode, uid } = stats
  if (mode & GROUP_OR_OTHERS_WRITE) {
    return fail(`mode ${octal(mode)}: others can put another key in place`, `chmod 700 ${directory}`)
  }
  if (!isTrusted(uid)) return warn(`it belongs to user ${uid}`, 'chown it to the user that Keyturn runs as')
  return ok(`${directory}, mode ${octal(mode)}`)
}

/** Ours, or root's, who can read everything anyway. */
function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.getuid?.()
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}

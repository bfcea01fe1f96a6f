import { type Stats, statSync } from 'node:fs'
import type { SealingKeyProblem } from '../keys/sealing-key.ts'
import { sealingKeyPath } from '../keys/sealing-key-file.ts'
import type { SealingUse } from '../keys/sealing-use.ts'
import { type CheckResult, type Finding, fail, ok, skipped, warn } from './check.ts'
import { obstacleToWriting } from './writable.ts'

const GROUP_READ = 0o040
const OTHERS_READ = 0o004
const GROUP_OR_OTHERS_WRITE = 0o022

/** What was found of the sealing key. */
export interface SealingKeyFacts {
  /** `keys/`, absolute. */
  readonly directory: string
  /** Whether a command prints it, so that no file is read. */
  readonly isFromCommand: boolean
  /** The fingerprints of its lines; set where the key can be used. */
  readonly fingerprints: readonly string[] | undefined
  /** Which lines are in use; missing where that was not tried. */
  readonly use: SealingUse | undefined
  /** Set where it cannot. */
  readonly problem: SealingKeyProblem | undefined
  /** Whether the first embedded start is still to come, and will make it. */
  readonly isMadeAtStart: boolean
}

/** The sealing key: whether it can be read, by whom else, and what its lines are good for. */
export function sealingKeyChecks(facts: SealingKeyFacts): CheckResult[] {
  const { directory, fingerprints, isFromCommand } = facts
  const fromCommand = skipped('KEYTURN_SEALING_KEY_COMMAND prints the sealing key')
  return [
    { check: 'sealing key', ...usability(facts) },
    { check: 'sealing key lines', ...lines(facts) },
    {
      check: 'sealing key file',
      ...(isFromCommand
        ? fromCommand
        : fingerprints === undefined
          ? skipped('there is no usable sealing key')
          : fileAccess(sealingKeyPath(directory))),
    },
    { check: 'keys directory', ...(isFromCommand ? fromCommand : directoryAccess(directory)) },
  ]
}

/** Several lines are the middle of a change, which somebody should bring to its end. */
function lines({ fingerprints, use }: SealingKeyFacts): Finding {
  if (fingerprints === undefined) return skipped('there is no usable sealing key')
  const [first, ...others] = fingerprints
  if (others.length === 0) return ok('there is one')
  if (use === undefined) return skipped('the database was not looked into')
  if (use.behind > 0) {
    return warn(
      `there are ${fingerprints.length}, and ${use.behind} of ${use.rows} rows are not sealed with the first (${first})`,
      'keyturn keys reseal seals them with it',
    )
  }
  if (use.idleLines.length === 0) return ok(`there are ${fingerprints.length}`)
  return warn(
    `nothing in this database is sealed with ${use.idleLines.join(', ')} any more`,
    'remove what is not the first line, on every node; keep a copy for as long as a backup from before is kept',
  )
}

function usability(facts: SealingKeyFacts): Finding {
  const { fingerprints, problem, isMadeAtStart, directory, isFromCommand } = facts
  if (fingerprints !== undefined) {
    const where = isFromCommand ? 'from KEYTURN_SEALING_KEY_COMMAND' : sealingKeyPath(directory)
    return ok(`${where}, fingerprint ${fingerprints.join(', ')}`)
  }
  if (isFromCommand) {
    return fail(
      problem?.message ?? 'it cannot be used',
      'see that the command prints the lines of the sealing key, and nothing else, within 10 s',
    )
  }
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

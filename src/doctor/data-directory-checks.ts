import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckResult, ok, skipped, warn } from './check.ts'

const GROUP_AND_OTHERS = 0o077

/** What embedded mode's data directory looks like from outside. */
export interface DataDirectoryFacts {
  readonly path: string
  readonly hasDatabase: boolean
  /** Undefined where it does not exist. */
  readonly mode: number | undefined
  readonly isOwn: boolean
}

/** Looks at the directory without touching it: opening it makes it private. */
export function lookAtDataDirectory(path: string): DataDirectoryFacts {
  const stats = statSync(path, { throwIfNoEntry: false })
  return {
    path,
    hasDatabase: existsSync(join(path, 'postgres')),
    mode: stats && stats.mode & 0o7777,
    isOwn: stats?.uid === process.getuid?.(),
  }
}

/** The data directory: whether others can look into it. */
export function dataDirectoryChecks({ path, mode, isOwn }: DataDirectoryFacts): CheckResult[] {
  const check = 'data directory'
  if (mode === undefined) return [{ check, ...skipped(`the first start makes ${path}`) }]
  const found = `${path}, mode ${mode.toString(8).padStart(4, '0')}`
  if (!isOwn) {
    return [
      {
        check,
        ...warn(
          `${found}, of another user`,
          'run Keyturn as its owner; what it puts there is private all the same',
        ),
      },
    ]
  }
  if (mode & GROUP_AND_OTHERS) {
    return [
      { check, ...warn(`${found}: others can look into it`, `chmod 700 ${path}; each start does so, too`) },
    ]
  }
  return [{ check, ...ok(found) }]
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckResult, fail, ok, skipped, warn } from './check.ts'
import { obstacleToWriting, statsOf } from './writable.ts'

const GROUP_AND_OTHERS = 0o077

/** What embedded mode's data directory looks like from outside. */
export interface DataDirectoryFacts {
  readonly path: string
  readonly hasDatabase: boolean
  /** Undefined where it does not exist. */
  readonly mode: number | undefined
  readonly isOwn: boolean
  /** Why nothing can be kept in it, or it cannot be made. */
  readonly obstacle: string | undefined
}

/** Looks at the directory without touching it: opening it makes it private. */
export function lookAtDataDirectory(path: string): DataDirectoryFacts {
  const obstacle = obstacleToWriting(path)
  const stats = obstacle === undefined ? statsOf(path) : undefined
  return {
    path,
    hasDatabase: existsSync(join(path, 'postgres')),
    mode: stats && stats.mode & 0o7777,
    isOwn: stats?.uid === process.getuid?.(),
    obstacle,
  }
}

/** The data directory: whether it can be used, and whether others can look into it. */
export function dataDirectoryChecks({ path, mode, isOwn, obstacle }: DataDirectoryFacts): CheckResult[] {
  const check = 'data directory'
  if (obstacle !== undefined) {
    const advice = 'set KEYTURN_DATA_DIR to a directory that the user Keyturn runs as may write to'
    return [{ check, ...fail(obstacle, advice) }]
  }
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

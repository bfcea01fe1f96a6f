import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * What keeps this process from putting files into a directory, or from making it where it is missing; undefined where
 * nothing does. Touches nothing.
 */
export function obstacleToWriting(directory: string): string | undefined {
  let path = directory
  try {
    let stats: Stats | undefined
    for (;;) {
      stats = statsOf(path)
      if (stats || path === dirname(path)) break
      path = dirname(path)
    }
    if (!stats?.isDirectory()) return `${path} is no directory`
    accessSync(path, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EROFS') return `${path} is on a file system that is read-only`
    return `user ${process.getuid?.() ?? ''} must not write to ${path} (${code})`
  }
}

/** Undefined where there is no such file, and where it would lie below something that is no directory. */
export function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

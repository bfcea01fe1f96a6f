import { Refusal } from './refusal.ts'

/** What the system may say of a path that an operator has chosen, and what it means. `USER`: who this process is. */
const TROUBLE: Readonly<Record<string, string>> = {
  EACCES: 'must not be used by USER: give it to that user, or',
  EPERM: 'must not be used by USER: give it to that user, or',
  EROFS: 'is on a file system that is read-only: mount it writable, or',
  ENOTDIR: 'is no directory, or lies below something that is none: move that away, or',
  EEXIST: 'is no directory: move it away, or',
  EISDIR: 'is a directory where a file is expected: move it away, or',
  ELOOP: 'is a link that leads to itself: remove it, or',
  ENAMETOOLONG: 'has too long a name:',
  ENOSPC: 'has no space left: make room, or',
  EDQUOT: 'has no space left for USER: make room, or',
}

/**
 * An operator's mistake about a directory, told by what the system refused to do with it.
 * @param error as the file system threw it
 * @param path the directory that the operator has chosen
 * @param variable where it was chosen
 * @returns a Refusal that says what to do; the error itself where it is about something else
 */
export function pathRefusal(error: unknown, path: string, variable: string): unknown {
  const { code, path: at } = error as { code?: unknown; path?: unknown }
  const trouble = typeof code === 'string' && Object.hasOwn(TROUBLE, code) ? TROUBLE[code] : undefined
  if (trouble === undefined) return error
  const meaning = trouble.replace('USER', `user ${process.getuid?.() ?? ''}`.trim())
  const where = typeof at === 'string' && at.startsWith(path) ? at : path
  return new Refusal(
    'directory_unusable',
    `${where} ${meaning} set ${variable} to another directory (${String(code)})`,
  )
}

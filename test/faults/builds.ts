import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** One change of the built program: a text that occurs exactly once in a file, and what takes its place. */
export interface Patch {
  /** Below `dist/src`. */
  readonly file: string
  readonly replace: string
  readonly by: string
}

/** A private copy of the built program, changed in a few places. */
export interface Build {
  /** Of the command line. */
  readonly program: string
}

/** How long a spent token's predecessor is answered in these runs: production's 60 s, a tenth of it. */
export const RETRY_WINDOW_MS = 6000

/**
 * What differs from production in every node here, so that "outside the window" can be waited for, and a node does not
 * wait two seconds for a load balancer that there is none of. Everything else is what people run.
 */
const SCALED: readonly Patch[] = [
  {
    file: 'config-variables.js',
    replace: 'KEYTURN_REFRESH_RETRY_WINDOW: duration(31, 120)',
    by: 'KEYTURN_REFRESH_RETRY_WINDOW: duration(1, 120)',
  },
  { file: 'serve.js', replace: 'const NOTICE_MS = 2000;', by: 'const NOTICE_MS = 50;' },
]

/**
 * Copies `dist` as it is now, so that a later build does not disturb the run, and changes the copy.
 * @param directory is made
 * @throws Error where a text to be replaced is not there, or there twice: the patch no longer means what it did. Or
 *   where what came of it is no program
 */
export function makeBuild(directory: string, patches: readonly Patch[] = []): Build {
  mkdirSync(directory, { recursive: true })
  cpSync(join(ROOT, 'dist'), directory, { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(directory, 'package.json'))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  const all = [...SCALED, ...patches]
  for (const patch of all) apply(directory, patch)
  // Found, but within other words: Node says where. (Some are whole only when all of a file's patches are applied.)
  for (const file of new Set(all.map((patch) => join(directory, 'src', patch.file)))) {
    if (file.endsWith('.js'))
      execFileSync(process.execPath, ['--check', file], { encoding: 'utf8', stdio: 'pipe' })
  }
  return { program: join(directory, 'src/cli/main.js') }
}

function apply(directory: string, { file, replace, by }: Patch): void {
  const path = join(directory, 'src', file)
  const parts = readFileSync(path, 'utf8').split(replace)
  if (parts.length !== 2) {
    throw new Error(`${file} has ${parts.length - 1} places that read ${JSON.stringify(replace)}, not one`)
  }
  writeFileSync(path, parts.join(by))
}

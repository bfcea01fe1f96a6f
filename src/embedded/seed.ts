import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { MIGRATIONS } from '../../migrations/all.ts'
import { migrate } from '../postgres/migrate.ts'
import { openPglite, PGLITE_POSTGRES_MAJOR } from '../postgres/pglite.ts'

/** What a seed was made from, so that one of another build is not used. */
interface Stamp {
  readonly postgres: number
  readonly migrations: readonly string[]
}

const ARCHIVE = 'seed.tar.gz'
const STAMP = 'seed.json'
const BLOCK = 512

/**
 * Makes a database with our schema and nothing in it, and returns its directory as a gzipped tar. Takes seconds and some
 * 800 MB, so it is done once, in the build.
 */
export async function makeSeed(): Promise<Buffer> {
  const pglite = await openPglite({})
  try {
    await migrate(pglite.settings)
    return await pglite.dump()
  } finally {
    await pglite.close()
  }
}

/** Keeps a seed in `folder` for `readSeed`. */
export function writeSeed(folder: string, seed: Buffer): void {
  const stamp: Stamp = { postgres: PGLITE_POSTGRES_MAJOR, migrations: MIGRATIONS.map(({ name }) => name) }
  writeFileSync(join(folder, ARCHIVE), seed)
  // Last: a build that was interrupted leaves no stamp that vouches for half an archive.
  writeFileSync(join(folder, STAMP), `${JSON.stringify(stamp)}\n`)
}

/**
 * The seed in `folder`; undefined where there is none, or where it was made for another PostgreSQL or has migrations that
 * we do not. It may lack the latest ones.
 */
export function readSeed(folder: string): Buffer | undefined {
  try {
    const stamp = JSON.parse(readFileSync(join(folder, STAMP), 'utf8')) as Stamp
    const fits =
      stamp.postgres === PGLITE_POSTGRES_MAJOR &&
      stamp.migrations.every((name, index) => name === MIGRATIONS[index]?.name)
    return fits ? readFileSync(join(folder, ARCHIVE)) : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Unpacks a seed into `directory`, readable by its owner alone. PGlite could do it too, in twice
 * the time and with half as much memory again.
 * @throws Error when it is not a tar of plain files and folders, or one of them would lie outside `directory`
 */
export function unpackSeed(seed: Buffer, directory: string): void {
  const root = resolve(directory)
  mkdirSync(root, { recursive: true, mode: 0o700 })
  for (const { name, type, content } of tarEntries(gunzipSync(seed))) {
    const path = join(root, name)
    if (path !== root && !path.startsWith(root + sep)) throw new Error(`the seed contains ${name}`)
    if (type === 'folder') {
      mkdirSync(path, { recursive: true, mode: 0o700 })
    } else {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writeFileSync(path, content, { mode: 0o600 })
    }
  }
}

/** The entries of a tar (POSIX ustar: a header of 512 bytes, then the content, padded to blocks of 512). */
function* tarEntries(tar: Buffer): Generator<{ name: string; type: 'file' | 'folder'; content: Buffer }> {
  for (let start = 0; start + BLOCK <= tar.length && tar[start] !== 0; ) {
    const header = tar.subarray(start, start + BLOCK)
    const prefix = text(header, 345, 155)
    const name = prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`
    const size = Number.parseInt(text(header, 124, 12), 8)
    const flag = text(header, 156, 1)
    if (Number.isNaN(size) || !['', '0', '5'].includes(flag))
      throw new Error(`the seed contains ${name}, which is no file`)
    const content = tar.subarray(start + BLOCK, start + BLOCK + size)
    if (content.length < size) throw new Error('the seed is cut off')
    yield { name, type: flag === '5' ? 'folder' : 'file', content }
    start += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
}

function text(header: Buffer, start: number, length: number): string {
  return header
    .toString('utf8', start, start + length)
    .replace(/\0.*$/s, '')
    .trim()
}

import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { TokenStore } from './session.ts'

/** Keeps the tokens in a file that only its owner may read. A crash leaves the old file or the new one, never half. */
export function fileStore(path: string): TokenStore {
  const temporary = `${path}.new`

  return {
    async load() {
      try {
        return JSON.parse(await readFile(path, 'utf8'))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async save(tokens) {
      const file = await open(temporary, 'w', 0o600)
      try {
        await file.writeFile(JSON.stringify(tokens))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
      const directory = await open(dirname(path))
      await directory.sync().finally(() => directory.close())
    },
    clear: () => rm(path, { force: true }),
  }
}

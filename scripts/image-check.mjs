import { join } from 'node:path'
import { ROOT } from './build.mjs'
import { main, run } from './child.mjs'
import { installIfNeeded } from './install.mjs'

/**
 * `node scripts/image-check.mjs [DIRECTORY]`: builds the container image with buildah and runs it, read-only, against a
 * PostgreSQL and a Redis of its own (test/image/check.ts). Needs root, and Debian's buildah and debootstrap.
 */
await main(async () => {
  await installIfNeeded(ROOT, { development: true })
  const check = join(ROOT, 'test/image/check.ts')
  process.exitCode = await run(process.execPath, ['--import', 'tsx', check, ...process.argv.slice(2)], {
    cwd: ROOT,
  })
})

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, ROOT } from './build.mjs'
import { main } from './child.mjs'

/**
 * `npm start`: installs and builds if needed, then becomes `keyturn serve` in this same process, so that signals reach
 * it. (package.json says `exec` because npm's shell would die of a signal without passing it on.)
 */
await main(async () => {
  await build()
  const program = join(ROOT, 'dist/src/cli/main.js')
  process.argv = [process.execPath, program, 'serve', ...process.argv.slice(2)]
  await import(pathToFileURL(program).href)
})

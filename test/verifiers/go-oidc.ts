import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unpackPackages } from '../support/debian-packages.ts'

const run = promisify(execFile)
const SOURCE = fileURLToPath(new URL('./go-oidc', import.meta.url))

/**
 * Builds the resource server of `go-oidc/` with Debian's Go and Debian's go-oidc. The program is kept beside the unpacked
 * packages, so that the next run need not build it.
 * @returns the program
 */
export async function buildGoOidc(): Promise<string> {
  const { root } = await unpackPackages(['golang-go', 'golang-github-coreos-go-oidc-dev'])
  const digest = createHash('sha256')
    .update(readFileSync(join(SOURCE, 'main.go')))
    .digest('hex')
  const program = join(root, `resource-server-${digest.slice(0, 8)}`)
  if (existsSync(program)) return program
  const building = await mkdtemp(join(tmpdir(), 'keyturn-go-'))
  const built = join(dirname(program), `.${digest.slice(0, 8)}.${process.pid}`)
  try {
    await run(join(root, 'usr/lib/go/bin/go'), ['build', '-o', built, '.'], {
      cwd: SOURCE,
      env: {
        PATH: process.env['PATH'],
        GOROOT: join(root, 'usr/lib/go'),
        GOPATH: join(root, 'usr/share/gocode'),
        GO111MODULE: 'off', // everything is in GOPATH, as Debian's own builds have it
        CGO_ENABLED: '0', // so that no C compiler is needed
        GOCACHE: building,
      },
    })
    await rename(built, program)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  return program
}

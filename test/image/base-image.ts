import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildah, imageExists, run } from './buildah.ts'

const DEBIAN = 'bookworm'
const NODE_MAJOR = 24
const NAME = `localhost/keyturn-base:node${NODE_MAJOR}-${DEBIAN}`

/**
 * What stands in for `node:24-bookworm-slim` where there is no registry: Debian's smallest system, Node's own binary
 * and the npm that runs us. Made once, then found.
 * @returns its name
 */
export async function baseImage(): Promise<string> {
  if (await imageExists(NAME)) return NAME
  process.stderr.write('making the base image …\n')
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-base-'))
  const root = join(directory, 'root')
  try {
    await run('debootstrap', ['--variant=minbase', DEBIAN, root])
    await addNode(root, directory)
    await addCertificates(root)
    const container = await buildah('from', 'scratch')
    try {
      await buildah('copy', container, root, '/')
      await buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', container)
      await buildah('commit', container, NAME)
    } finally {
      await buildah('rm', container)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  return NAME
}

/** Node comes as an npm package; npm comes from here. */
async function addNode(root: string, directory: string): Promise<void> {
  const platform = `linux-${process.arch}`
  const archive = await run('npm', ['pack', '--silent', `node-${platform}@${NODE_MAJOR}`], directory)
  await run('tar', ['-xzf', join(directory, archive), '-C', directory])
  await cp(join(directory, 'package/bin/node'), join(root, 'usr/local/bin/node'))
  const npm = join(await run('npm', ['root', '--global']), 'npm')
  await cp(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true })
  await run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')])
}

/** What this machine trusts besides Node's own list, at the same place. */
async function addCertificates(root: string): Promise<void> {
  const file = process.env['NODE_EXTRA_CA_CERTS']
  if (file === undefined) return
  await mkdir(join(root, dirname(file)), { recursive: true })
  await cp(file, join(root, file))
}

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { baseImage } from './base-image.ts'
import { buildah, type ImageSettings, imageSettings, run } from './buildah.ts'
import { checkEmbeddedMode } from './embedded-mode.ts'
import { checkStandardMode } from './standard-mode.ts'
import { atEnd, cleanUp, say, stopwatch } from './surroundings.ts'

/**
 * Builds the image and runs it as an orchestrator would: read-only, as nobody in particular, against a PostgreSQL and a
 * Redis of its own. Needs root, buildah and debootstrap. Prints what it found; ends with 1 at the first thing that does
 * not hold. Argument: the directory to build from, otherwise this checkout.
 */

const ROOT = process.argv[2] ?? fileURLToPath(new URL('../..', import.meta.url))
const IMAGE = 'localhost/keyturn:check'

try {
  const settings = await built()
  const container = await buildah('from', IMAGE)
  atEnd(() => buildah('rm', container))
  const root = await buildah('mount', container)
  await contents(root, settings)
  await checkStandardMode({ root, settings })
  await checkEmbeddedMode({ root, settings })
} finally {
  await cleanUp()
}
say('everything holds')

async function built(): Promise<ImageSettings> {
  const base = await baseImage()
  const certificates = process.env['NODE_EXTRA_CA_CERTS']
  const seconds = stopwatch()
  await buildah(
    ...['build', '--no-cache', '--tag', IMAGE, '--build-arg', `NODE_IMAGE=${base}`],
    ...(certificates === undefined ? [] : ['--build-arg', `NODE_EXTRA_CA_CERTS=${certificates}`]),
    ROOT,
  )
  const size = await buildah('images', '--format', '{{.Size}}', IMAGE)
  const baseSize = await buildah('images', '--format', '{{.Size}}', base)
  say(`built in ${seconds()} s: ${size}, of which ${baseSize} are the base image`)
  return imageSettings(IMAGE)
}

async function contents(root: string, settings: ImageSettings): Promise<void> {
  expect(settings.User, 'user').to.match(/^[1-9]\d*:[1-9]\d*$/)
  expect(settings.StopSignal).to.equal('SIGTERM')
  expect(settings.Env).to.include.members([
    'NODE_ENV=production',
    'KEYTURN_HOST=0.0.0.0',
    'KEYTURN_KEYS_DIR=/keys',
  ])
  expect(settings.Env.join('\n')).not.to.include('NODE_EXTRA_CA_CERTS')
  expect(settings.Entrypoint[0], 'PID 1').to.equal('node')
  expect((await readdir(join(root, 'app'))).sort()).to.deep.equal(['dist', 'node_modules', 'package.json'])
  const sources = await readdir(join(root, 'app/dist'), { recursive: true })
  expect(sources.filter((name) => name.endsWith('.ts'))).to.deep.equal([])
  const packages = await readdir(join(root, 'app/node_modules'))
  expect(packages).to.include('koa')
  for (const tool of ['typescript', 'mocha', 'tsx']) expect(packages).not.to.include(tool)
  expect(await readdir(join(root, 'app/node_modules/argon2/prebuilds'))).to.deep.equal([
    `linux-${process.arch}`,
  ])
  for (const empty of ['keys', 'data']) expect(await readdir(join(root, empty))).to.deep.equal([])
  const kilobytes = await run('du', ['-sk', join(root, 'app')])
  say(`holds what runs, and nothing else: ${Math.round(Number.parseInt(kilobytes, 10) / 1024)} MB in /app`)
}

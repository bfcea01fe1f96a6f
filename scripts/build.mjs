import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main, run } from './child.mjs'
import { installIfNeeded } from './install.mjs'
import { nodeVersionProblem } from './node-version.mjs'
import { digestOf } from './sources.mjs'

/** The checkout. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const DIST = join(ROOT, 'dist')
/** Everything that what we build depends on. */
const SOURCES = [
  'src',
  'migrations',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
  'scripts/build.mjs',
]
/** Written last, so that a build which was interrupted has none. */
const STAMP = '.sources'
/** A program of ours that writes the embedded database's first data directory, beside itself. It takes seconds … */
const MAKE_SEED = 'src/embedded/make-seed.js'
const SEED = ['src/embedded/seed.tar.gz', 'src/embedded/seed.json']
/** … and depends on these alone, so what it made for the last build is mostly still good. */
const SEED_SOURCES = ['migrations', 'src/embedded', 'src/postgres', 'package-lock.json']
const SEED_STAMP = '.seed-sources'

/**
 * Makes the checkout ready to run: packages installed, `dist` built from the present sources. Says what it does on
 * stderr where that takes long, and nothing where nothing is to be done (some tens of milliseconds).
 * @param {{ development?: boolean }} needs whether development packages are needed though nothing is to be built
 * @throws Error with one line for the person who started us
 */
export async function build({ development = false } = {}) {
  const problem = nodeVersionProblem(process.versions.node)
  if (problem) throw new Error(problem)
  const digest = digestOf(ROOT, SOURCES)
  const fresh = hasStamp(STAMP, digest)
  await installIfNeeded(ROOT, { development: development || !fresh })
  if (!fresh) await buildFrom(digest)
}

/**
 * Whether the present build was made from sources with this digest.
 * @param {string} stamp
 * @param {string} digest
 */
function hasStamp(stamp, digest) {
  const path = join(DIST, stamp)
  return existsSync(path) && readFileSync(path, 'utf8') === digest
}

/**
 * Builds beside `dist` and then takes its place, so that nobody ever runs half of one build and half of another.
 * @param {string} digest
 */
async function buildFrom(digest) {
  process.stderr.write('building …\n')
  removeAbandoned()
  const target = `${DIST}.${process.pid}`
  try {
    await compileInto(target)
    writeFileSync(join(target, STAMP), digest)
    replace(target)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}

/** A build that was killed outright could not clean up after itself. */
function removeAbandoned() {
  for (const name of readdirSync(ROOT)) {
    const builder = /^dist\.(\d+)/.exec(name)?.[1]
    if (builder && !isRunning(Number(builder))) rmSync(join(ROOT, name), { recursive: true })
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** @param {string} target */
async function compileInto(target) {
  const compiler = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']
  await node('the TypeScript compiler', ...compiler, '--outDir', target)
  copyOtherFiles('src', join(target, 'src'))
  const program = join(target, 'src/cli/main.js')
  if (existsSync(program)) chmodSync(program, 0o755)
  if (existsSync(join(target, MAKE_SEED))) await seed(target)
}

/** @param {string} target */
async function seed(target) {
  const digest = digestOf(ROOT, SEED_SOURCES)
  const isKept = hasStamp(SEED_STAMP, digest) && SEED.every((path) => existsSync(join(DIST, path)))
  if (isKept) for (const path of SEED) cpSync(join(DIST, path), join(target, path))
  else await node('make-seed', join(target, MAKE_SEED))
  writeFileSync(join(target, SEED_STAMP), digest)
}

/**
 * @param {string} name what to blame
 * @param {...string} args
 */
async function node(name, ...args) {
  const code = await run(process.execPath, args, { cwd: ROOT })
  if (code !== 0) throw new Error(`the build failed: ${name} exited with ${code}`)
}

/**
 * What is no TypeScript goes along as it is: Lua, pages, styles.
 * @param {string} from
 * @param {string} to
 */
function copyOtherFiles(from, to) {
  for (const entry of readdirSync(join(ROOT, from), { withFileTypes: true })) {
    const path = join(from, entry.name)
    if (entry.isDirectory()) {
      copyOtherFiles(path, join(to, entry.name))
    } else if (!entry.name.endsWith('.ts')) {
      mkdirSync(to, { recursive: true })
      cpSync(join(ROOT, path), join(to, entry.name))
    }
  }
}

/** @param {string} target */
function replace(target) {
  const old = `${target}.old`
  if (existsSync(DIST)) renameSync(DIST, old)
  renameSync(target, DIST)
  rmSync(old, { recursive: true, force: true })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(() => build())

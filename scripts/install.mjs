import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './child.mjs'

/**
 * Installs the packages of package-lock.json, unless they are there already.
 * @param {string} root the checkout
 * @param {{ development: boolean }} needs whether those for building and testing are needed too
 * @throws Error when npm fails; it has said why
 */
export async function installIfNeeded(root, { development }) {
  if (isInstalled(root, { development })) return
  process.stderr.write('installing dependencies …\n')
  const { command, args, shell } = npm()
  const { NODE_ENV: _production, ...env } = process.env
  // In a production environment npm would leave out what we build with.
  const code = await run(
    command,
    [...args, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      env,
      shell,
    },
  )
  if (code !== 0) throw new Error(`npm ci failed (exit code ${code})`)
}

/**
 * Whether npm's own list of what it has installed holds every package of package-lock.json, in the same version.
 * Packages for other platforms may be missing, extra ones do no harm. Reads two files: about ten milliseconds.
 * @param {string} root the checkout
 * @param {{ development: boolean }} needs
 */
export function isInstalled(root, { development }) {
  const list = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(list)) return false
  const installed = readPackages(list)
  return Object.entries(readPackages(join(root, 'package-lock.json'))).every(([path, wanted]) => {
    if (path === '' || ((wanted.dev || wanted.devOptional) && !development)) return true
    const found = installed[path]
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true
    return found.version === wanted.version && found.integrity === wanted.integrity
  })
}

/**
 * @typedef {{ version?: string, integrity?: string, dev?: boolean, optional?: boolean, devOptional?: boolean }} Locked
 * @param {string} path
 * @returns {Record<string, Locked>}
 */
function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages
}

/** The npm that started us, or the one on the PATH. */
function npm() {
  const script = process.env['npm_execpath']
  if (script?.endsWith('npm-cli.js')) return { command: process.execPath, args: [script], shell: false }
  return { command: 'npm', args: [], shell: process.platform === 'win32' }
}

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Debian packages that lie unpacked in a directory of ours, not installed on the system. */
export interface UnpackedPackages {
  /** What `/` would be had they been installed: `<root>/usr/bin/redis-server` … */
  readonly root: string
  /** What their programs need to find their libraries; add it to the environment. */
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Downloads packages and whatever they need that this system lacks, and unpacks them into a cache that later calls
 * find. It installs nothing, starts nothing, asks for no rights and leaves the system's own package lists alone.
 * @param packages names that apt knows, for example `['redis-server']`
 * @throws Error that says what to do instead where there is no apt, or it cannot get them
 */
export async function unpackPackages(packages: readonly string[]): Promise<UnpackedPackages> {
  const home = join(cacheDirectory(), cacheKey(packages))
  if (!existsSync(home)) {
    process.stderr.write(`fetching ${packages.join(', ')} …\n`)
    await mkdir(cacheDirectory(), { recursive: true })
    const building = await mkdtemp(`${home}.`)
    try {
      await run('chmod', ['755', building])
      await downloadAndUnpack(packages, building)
      await rename(building, home).catch((error) => {
        if (!existsSync(home)) throw error // else another run was first
      })
    } catch (cause) {
      throw new Error(
        `cannot fetch ${packages.join(', ')}: install what provides them by hand. ${String(cause)}`,
        { cause },
      )
    } finally {
      await rm(building, { recursive: true, force: true })
    }
  }
  return { root: home, environment: { LD_LIBRARY_PATH: libraryDirectories(home).join(':') } }
}

async function downloadAndUnpack(packages: readonly string[], root: string): Promise<void> {
  const apt = join(root, 'apt')
  for (const directory of ['lists/partial', 'archives/partial', 'log']) {
    await mkdir(join(apt, directory), { recursive: true })
  }
  await copyFile('/var/lib/dpkg/status', join(apt, 'status'))
  await writeFile(join(apt, 'apt.conf'), aptConfiguration(apt))
  const quietly = ['-c', join(apt, 'apt.conf'), '-qq']
  // One of several sources may fail; what counts is whether the packages are found after it.
  await run('apt-get', [...quietly, 'update']).catch(() => {})
  await run('apt-get', [
    ...quietly,
    '--yes',
    '--no-install-recommends',
    '--download-only',
    '--reinstall',
    'install',
    ...packages,
  ])
  for (const archive of readdirSync(join(apt, 'archives')).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg', ['-x', join(apt, 'archives', archive), root])
  }
  await rm(apt, { recursive: true })
}

/** apt with all its state in `directory`, without the system's hooks, dropping no rights that we may not have. */
function aptConfiguration(directory: string): string {
  return `
    Dir::State::lists "${directory}/lists";
    Dir::State::status "${directory}/status";
    Dir::State::extended_states "${directory}/extended_states";
    Dir::Cache::archives "${directory}/archives";
    Dir::Cache::pkgcache "";
    Dir::Cache::srcpkgcache "";
    Dir::Log "${directory}/log";
    APT::Sandbox::User "root";
    Debug::NoLocking "true";
    #clear APT::Update::Pre-Invoke;
    #clear APT::Update::Post-Invoke;
    #clear APT::Update::Post-Invoke-Success;
    #clear DPkg::Pre-Invoke;
    #clear DPkg::Post-Invoke;
    #clear DPkg::Pre-Install-Pkgs;
  `
}

/** Where unpacked packages are kept. Root's own home may be closed to the user that servers run as. */
function cacheDirectory(): string {
  return process.getuid?.() === 0 ? '/var/cache/keyturn-test' : join(homedir(), '.cache', 'keyturn-test')
}

/** Names what was asked for and the release it was asked of. */
function cacheKey(packages: readonly string[]): string {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const digest = createHash('sha256').update([...packages, release, process.arch].join('\n'))
  return `${packages[0]}-${digest.digest('hex').slice(0, 8)}`
}

/** Debian keeps libraries in `usr/lib/<architecture>-linux-gnu`; some packages still say `lib/…`. */
function libraryDirectories(root: string): string[] {
  return [join(root, 'usr/lib'), join(root, 'lib')].flatMap((parent) =>
    (existsSync(parent) ? readdirSync(parent) : [])
      .filter((name) => name.includes('-linux-gnu'))
      .map((name) => join(parent, name)),
  )
}

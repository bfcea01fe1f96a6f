import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Without a container runtime: `RUN` steps get a chroot. */
const ENVIRONMENT = { BUILDAH_ISOLATION: 'chroot', BUILDAH_FORMAT: 'docker' }
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** What an image says about how to run it. */
export interface ImageSettings {
  readonly User: string
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Cmd: readonly string[]
  readonly WorkingDir: string
  readonly StopSignal: string
  readonly Healthcheck: { readonly Test: readonly string[] }
}

/**
 * Runs buildah (Debian's package; it needs no daemon).
 * @returns what it printed, trimmed
 * @throws Error with what it said
 */
export function buildah(...args: readonly string[]): Promise<string> {
  return run('buildah', args)
}

/** Runs a program to its end; the error of one that fails carries what it printed. */
export async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], {
    env: { ...process.env, ...ENVIRONMENT },
    maxBuffer: MAX_OUTPUT_BYTES,
    ...(cwd !== undefined && { cwd }),
  })
  return stdout.trim()
}

export async function imageExists(name: string): Promise<boolean> {
  return (await buildah('images', '--quiet', '--filter', `reference=${name}`)) !== ''
}

export async function imageSettings(name: string): Promise<ImageSettings> {
  const inspected = JSON.parse(await buildah('inspect', '--type', 'image', name))
  return inspected.Docker.config
}

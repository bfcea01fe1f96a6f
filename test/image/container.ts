import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Guarded, startGuard } from '../support/guard.ts'
import type { ImageSettings } from './buildah.ts'

/** A container of the image, without a runtime: namespaces of its own and what the image says about itself. */
export interface ContainerOptions {
  /** Where the image's files lie. They are mounted read-only. */
  readonly root: string
  readonly settings: ImageSettings
  /** Added to the image's own. */
  readonly env?: Readonly<Record<string, string>>
  /** Host directory → place in the container; `:ro` at the end of the place makes it read-only. */
  readonly mounts?: Readonly<Record<string, string>>
  /** What comes after the entrypoint, instead of what the image says. */
  readonly args?: readonly string[]
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Container extends Guarded {
  /** Node's process id as the host sees it; inside it is 1. */
  readonly nodePid: number
  /** Runs a program inside, as the image's user or as root; with its environment. */
  exec(command: readonly string[], options?: { asRoot?: boolean; stdin?: string }): Promise<Outcome>
}

/**
 * As first process of new namespaces: mounts what belongs there, then becomes the program, which dies with unshare.
 * Arguments: root, directory, user, number of mounts, the mounts as pairs, then environment and command line.
 */
const ENTER = `
set -e
root=$1 directory=$2 user=$3 mounts=$4; shift 4
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while [ "$mounts" -gt 0 ]; do
  target=\${2%:ro}
  mount --bind "$1" "$root$target"
  [ "$target" = "$2" ] || mount -o remount,bind,ro "$root$target"
  shift 2; mounts=$((mounts - 1))
done
exec chroot "$root" /usr/bin/setpriv --reuid "\${user%:*}" --regid "\${user#*:}" --clear-groups --no-new-privs \
  --pdeathsig KILL /usr/bin/env -i -C "$directory" "$@"
`

const POLL_MS = 10

/** Runs one command of the image to its end. */
export function runContainer(options: ContainerOptions, stdin = ''): Promise<Outcome> {
  return execute('unshare', unshareArguments(options), stdin)
}

/** Starts the image's program; resolves when it runs. */
export async function startContainer(options: ContainerOptions): Promise<Container> {
  const guarded = await startGuard({
    command: 'unshare',
    arguments: unshareArguments(options),
    environment: process.env,
    directory: '/',
    removeDirectory: false,
    stopSignal: 'TERM',
    user: {},
  })
  const nodePid = await firstChild(guarded)
  const [uid = '0', gid = uid] = options.settings.User.split(':')
  return {
    ...guarded,
    nodePid,
    signal(name) {
      process.kill(nodePid, name)
    },
    exec(command, { asRoot = false, stdin = '' } = {}) {
      const user = asRoot ? [] : ['--setuid', uid, '--setgid', gid]
      const inside = ['--target', String(nodePid), '--mount', '--pid', '--root', '--wd', ...user]
      return execute('nsenter', [...inside, '/usr/bin/env', '-i', ...environment(options), ...command], stdin)
    },
  }
}

function unshareArguments({ root, settings, mounts = {}, args = settings.Cmd, ...rest }: ContainerOptions) {
  const pairs = Object.entries(mounts)
  return [
    ...['--mount', '--pid', '--fork', '/bin/sh', '-c', ENTER, 'enter'],
    ...[root, settings.WorkingDir || '/', settings.User, String(pairs.length), ...pairs.flat()],
    ...environment({ settings, ...rest }),
    ...settings.Entrypoint,
    ...args,
  ]
}

function environment({ settings, env = {} }: Pick<ContainerOptions, 'settings' | 'env'>): string[] {
  return [...settings.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)]
}

function execute(command: string, args: readonly string[], stdin = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(command, [...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr })
    })
    child.stdin?.on('error', () => {}) // it ended without reading
    child.stdin?.end(stdin)
  })
}

/** @throws Error with its output when it has ended instead */
async function firstChild(guarded: Guarded): Promise<number> {
  let hasEnded = false
  const end = () => {
    hasEnded = true
  }
  guarded.ended.then(end, end)
  while (!hasEnded) {
    const children = readFileSync(`/proc/${guarded.pid}/task/${guarded.pid}/children`, 'utf8').trim()
    if (children !== '') return Number(children.split(' ')[0])
    await delay(POLL_MS)
  }
  throw new Error(`the container did not start:\n${guarded.stdout()}${guarded.stderr()}`)
}

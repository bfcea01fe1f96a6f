import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'

/** Enough to find out later, from another process, whether this one is still there. */
export interface Holder {
  readonly pid: number
  /** When the process started, in ticks since the machine did; null where /proc does not say. Tells a reused pid. */
  readonly startedAt: string | null
  /** The boot and the pid namespace in which `pid` means something; null where there are no namespaces. */
  readonly pidNamespace: string | null
  /** A socket in the directory that accepts connections while the process lives; null where none could be made. */
  readonly socket: string | null
}

/** This process, as long as it wants to be found. */
export interface Presence {
  readonly holder: Holder
  end(): void
}

/** What can be known about the process that a holder names. */
export type Liveness = 'alive' | 'gone' | 'unknown'

/**
 * Makes this process recognisable in `directory`.
 *
 * Its pid is not enough: two containers on one volume are both process 1, and neither sees the other. The kernel knows:
 * a socket in the directory accepts connections from any container of the machine exactly while its process lives.
 */
export async function announcePresence(directory: string): Promise<Presence> {
  const name = `alive-${process.pid}-${randomBytes(4).toString('hex')}.sock`
  const server = createServer((socket) => socket.destroy())
  const listening = await viaShortPath(directory, name, (path) => {
    return new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen({ path, exclusive: true }, () => resolve(true))
    })
  })
  server.unref()

  return {
    holder: {
      pid: process.pid,
      startedAt: startOf(process.pid),
      pidNamespace: ownPidNamespace(),
      socket: listening ? name : null,
    },
    end() {
      server.close()
      rmSync(join(directory, name), { force: true })
    },
  }
}

/** Whether the process that announced itself as `holder` in `directory` still runs. */
export async function livenessOf(holder: Holder, directory: string): Promise<Liveness> {
  if (holder.pidNamespace === ownPidNamespace()) return isRunning(holder) ? 'alive' : 'gone'
  const { socket } = holder
  if (socket === null) return 'unknown'
  return viaShortPath(directory, socket, probe)
}

/** Removes what `holder` left in `directory`. Only for one that is gone. */
export function clearAfter(holder: Holder, directory: string): void {
  if (holder.socket !== null) rmSync(join(directory, holder.socket), { force: true })
}

function isRunning({ pid, startedAt }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (isZombie(pid)) return false
  const start = startOf(pid)
  return startedAt === null || start === null || start === startedAt
}

function probe(path: string): Promise<Liveness> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve('alive')
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve('gone')
      // A full queue of connections has somebody behind it.
      else resolve(code === 'EAGAIN' ? 'alive' : 'unknown')
    })
  })
}

/**
 * A socket's path must fit in about 100 bytes. Linux lets us name the directory by an open descriptor instead; elsewhere
 * a path that is too long fails like any other.
 */
async function viaShortPath<T>(
  directory: string,
  name: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  if (process.platform !== 'linux') return use(join(directory, name))
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return await use(`/proc/self/fd/${descriptor}/${name}`)
  } finally {
    closeSync(descriptor)
  }
}

function ownPidNamespace(): string | null {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return null
  }
}

/** Field 22 of /proc/PID/stat (proc(5)): the start, in ticks since boot. */
function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null
}

/** Field 3 of /proc/PID/stat: Z and X are processes that ended and were not yet collected by their parent. */
function isZombie(pid: number): boolean {
  return /^[ZX]/.test(statOf(pid)?.[0] ?? '')
}

/** The fields from the third on; the second is the program's name, which may contain anything. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

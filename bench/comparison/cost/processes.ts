import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** USER_HZ, which Linux fixes for what it tells programs. */
const TICKS_PER_SECOND = 100

/** What proc(5) says about a process. */
interface Stat {
  readonly parent: number
  /** Of the process and of the children that it has waited for, user and system. */
  readonly ticks: number
}

/** A process and all its descendants that live now. */
function treeOf(root: number): number[] {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readStat(Number(name))
      return stat ? [{ pid: Number(name), parent: stat.parent }] : []
    })
  const tree = [root]
  for (const parent of tree)
    tree.push(...stats.filter((stat) => stat.parent === parent).map(({ pid }) => pid))
  return tree
}

/** CPU that a process and its descendants have used so far, those that have ended included, milliseconds. */
export function cpuMs(root: number): number {
  const ticks = treeOf(root).reduce((sum, pid) => sum + (readStat(pid)?.ticks ?? 0), 0)
  return (ticks * 1000) / TICKS_PER_SECOND
}

/** CPU that a process' first thread alone has used so far, in Node the one that runs JavaScript, milliseconds. */
export function mainThreadMs(pid: number): number {
  const fields = read(`/proc/${pid}/task/${pid}/stat`)?.split(') ').at(-1)?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

/** Memory of a process and its descendants, what they share counted once (PSS), MiB. */
export function memoryMiB(root: number): number {
  const kilobytes = treeOf(root).reduce((sum, pid) => {
    return sum + Number(/^Pss: +(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1] ?? 0)
  }, 0)
  return kilobytes / 1024
}

/** Keeps a process, its descendants and all their threads on these cores (`0-2`); they pass it on to what they start. */
export async function pin(root: number, cores: string): Promise<void> {
  // One that has ended meanwhile needs no core.
  for (const pid of treeOf(root)) await pinAlone(pid, cores).catch(() => {})
}

/** The same for a process and its threads, not for what it has started. */
export async function pinAlone(pid: number, cores: string): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', cores, String(pid)])
}

function readStat(pid: number): Stat | undefined {
  const fields = read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')
  if (!fields) return undefined
  return {
    parent: Number(fields[1]),
    ticks: [11, 12, 13, 14].reduce((sum, place) => sum + Number(fields[place]), 0),
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // it has ended
  }
}

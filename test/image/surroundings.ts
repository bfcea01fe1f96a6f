import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Container } from './container.ts'

/** Whom the image runs as. */
export const IMAGE_UID = 1000
const READY_WITHIN_MS = 60_000
const POLL_MS = 50

const cleanups: (() => Promise<unknown>)[] = []

/** Runs `cleanup` at the end, however it ends; what came last goes first. */
export function atEnd(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup)
}

/** Gives back all that was taken. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

/** A directory that the image's user owns, removed at the end. */
export async function ownedDirectory(name: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `keyturn-${name}-`))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  await chown(directory, IMAGE_UID, IMAGE_UID)
  return directory
}

/**
 * Resolves when /readyz says 200.
 * @throws Error with its output when the container has ended instead
 */
export async function becomesReady(container: Container, origin: string): Promise<void> {
  let hasEnded = false
  const end = () => {
    hasEnded = true
  }
  container.ended.then(end, end)
  await until(async () => hasEnded || (await readyStatus(origin)) === 200)
  if (hasEnded) throw new Error(`the container has ended:\n${container.stdout()}${container.stderr()}`)
}

/** What /readyz says; undefined where nobody answers. */
export function readyStatus(origin: string): Promise<number | undefined> {
  return fetch(`${origin}/readyz`).then(
    (answer) => answer.status,
    () => undefined,
  )
}

/** Looks again and again. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${READY_WITHIN_MS} ms`)
    await delay(POLL_MS)
  }
}

/** Tells the seconds since now. */
export function stopwatch(): () => string {
  const start = performance.now()
  return () => ((performance.now() - start) / 1000).toFixed(1)
}

/** Prints something that holds. */
export function say(line: string): void {
  process.stdout.write(`✔ ${line}\n`)
}

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Servers of the tests may take this long to notice that the runner is gone. */
const GRACE_MS = 6000
const POLL_MS = 50

/**
 * Waits until every process of a test run has ended, and kills those that have not after the grace.
 * @param {string} mark `NAME=value` that the run set in its environment, so that what it started has inherited it or
 *   (servers that run as another user, whose environment is hidden) carries it as an argument
 * @returns {Promise<string[]>} the command lines of those that had to be killed; always empty where there is no /proc
 */
export async function endLeftovers(mark, graceMs = GRACE_MS) {
  const deadline = performance.now() + graceMs
  while (processesWith(mark).length > 0 && performance.now() < deadline) await delay(POLL_MS)
  return processesWith(mark).map((pid) => {
    const command = read(pid, 'cmdline').replaceAll('\0', ' ').trim()
    kill(pid)
    return command
  })
}

/** @param {string} mark */
function processesWith(mark) {
  return pids().filter((pid) =>
    ['environ', 'cmdline'].some((file) => read(pid, file).split('\0').includes(mark)),
  )
}

function pids() {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

/**
 * @param {number} pid
 * @param {string} file
 */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return '' // it has ended, or is not ours
  }
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended in this moment
  }
}

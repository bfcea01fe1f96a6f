import { constants, fstatSync, openSync, writeSync } from 'node:fs'

/** Takes lines of the log. Never waits and never throws. */
export interface LogDestination {
  write(line: string): void
}

const STDERR = 2
/** As much as some minutes of a busy log at `info`: whoever reads it may be restarted meanwhile. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
const RETRY_MS = 100

/**
 * Writes the log to stderr, and never stops the service for it (reliability catalogue F-513): a full disk costs the lines
 * that did not fit, a pipe that nobody empties those beyond four megabytes, a pipe without a reader all. (pino's own
 * destination throws for the first, keeps everything for the second, and at exit tries for ever.)
 * @param reportLost told how many lines were lost, once a line can be written again
 */
export function stderrDestination(reportLost: (lines: number) => void): LogDestination {
  const fd = reopenPipe(STDERR)
  const waiting: Buffer[] = []
  let waitingBytes = 0
  let lost = 0
  let timer: NodeJS.Timeout | undefined

  /** Writes what waits, as far as it goes. */
  function drain(): void {
    timer = undefined
    for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
      waitingBytes -= line.length
      let written: number
      try {
        written = writeSync(fd, line)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          lost++
          continue
        }
        written = 0
      }
      if (written < line.length) {
        putBack(line.subarray(written))
        return
      }
      tellLoss()
    }
  }

  function putBack(rest: Buffer): void {
    waiting.unshift(rest)
    waitingBytes += rest.length
    timer = setTimeout(drain, RETRY_MS).unref()
  }

  function tellLoss(): void {
    if (lost === 0) return
    const lines = lost
    lost = 0
    reportLost(lines)
  }

  process.once('exit', drain)
  return {
    write(line) {
      if (waitingBytes + line.length > MAX_WAITING_BYTES) {
        lost++
        return
      }
      const bytes = Buffer.from(line)
      waiting.push(bytes)
      waitingBytes += bytes.length
      if (timer === undefined) drain()
    },
  }
}

/**
 * A pipe that is full must answer "later" instead of stopping us. Opening it anew makes that our own affair: a mode that is
 * set on the inherited descriptor holds for every process that shares it, and Node takes it back for each child. Where that
 * cannot be done (a socket, another system than Linux) we wait for the reader.
 */
function reopenPipe(fd: number): number {
  if (!fstatSync(fd).isFIFO()) return fd
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return fd
  }
}

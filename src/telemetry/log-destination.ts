import { constants, fstatSync, openSync, writeSync } from 'node:fs'

/** Takes lines of the log. Never waits and never throws. */
export interface LogDestination {
  write(line: string): void
}

const STDERR = 2
/** As much as some minutes of a busy log at `info`: whoever reads it may be restarted meanwhile. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
const RETRY_MS = 100
/** A pipe takes this much in one piece (pipe(7), PIPE_BUF): lines of several processes that share it stay whole. */
const PIECE_BYTES = 4096

/**
 * Writes the log to stderr, once a turn of the event loop whatever came together in it, and never stops the service for it (reliability catalogue F-513): a full disk costs the lines
 * that did not fit, a pipe that nobody empties those beyond four megabytes, a pipe without a reader all. (pino's own
 * destination throws for the first, keeps everything for the second, and at exit tries for ever.)
 * @param reportLost told how many lines were lost, once a line can be written again
 */
export function stderrDestination(reportLost: (lines: number) => void): LogDestination {
  const fd = reopenPipe(STDERR)
  const waiting: Buffer[] = []
  let waitingBytes = 0
  let lost = 0
  let isScheduled = false

  /** Writes what waits, as far as it goes. */
  function drain(): void {
    isScheduled = false
    while (waiting.length > 0) {
      const lines = nextPiece()
      const piece = Buffer.concat(lines)
      waitingBytes -= piece.length
      let written: number
      try {
        written = writeSync(fd, piece)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          lost += lines.length
          continue
        }
        written = 0
      }
      if (written < piece.length) {
        putBack(piece.subarray(written))
        return
      }
      tellLoss()
    }
  }

  /** As many of the waiting lines as fit into one piece; at least one. */
  function nextPiece(): Buffer[] {
    let count = 0
    let bytes = 0
    for (const { length } of waiting) {
      bytes += length
      if (count > 0 && bytes > PIECE_BYTES) break
      count++
    }
    return waiting.splice(0, count)
  }

  function putBack(rest: Buffer): void {
    waiting.unshift(rest)
    waitingBytes += rest.length
    isScheduled = true
    setTimeout(drain, RETRY_MS).unref()
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
      if (isScheduled) return
      isScheduled = true
      setImmediate(drain)
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

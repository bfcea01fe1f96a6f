import { monotonicMs } from '../clock.ts'

/** Whether this process has just stood still. */
export interface Standstill {
  /** True from the standstill on until what had piled up meanwhile has been read. */
  isRecent(): boolean
  start(): void
  stop(): void
}

const BEAT_MS = 250
/** A beat that is later than this says that what has piled up is still being read … */
const LATE_BEAT_MS = 2 * BEAT_MS
/** … and after as much time without one it has been. */
const AFTERMATH_MS = 2000

/**
 * For how long requests may have waited and still be answered like others. Well within the retry window: until then no
 * client has moved on by two generations, and what it sent first is a retry.
 */
export function longestStandstillMs(retryWindowSeconds: number): number {
  return (retryWindowSeconds * 1000) / 4
}

/**
 * Notices when this process has not run for a while: stopped, its container frozen, its machine starved. Whatever waited in
 * a socket then is read when it goes on, as if it had just been sent, though who sent it has long since asked elsewhere.
 * @param longestMs what is shorter is no standstill
 * @param elapsedMs a clock that goes on while the process stands still
 */
export function watchStandstill(longestMs: number, elapsedMs: () => number = monotonicMs): Standstill {
  let lastBeat = elapsedMs()
  let recentUntil = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  function beat(): void {
    const now = elapsedMs()
    const gapMs = now - lastBeat
    if (gapMs > longestMs || (now < recentUntil && gapMs > LATE_BEAT_MS)) recentUntil = now + AFTERMATH_MS
    lastBeat = now
  }

  return {
    isRecent() {
      const now = elapsedMs()
      // What had piled up is read before any timer comes to its turn.
      if (now - lastBeat > longestMs) beat()
      return now < recentUntil
    },
    start() {
      lastBeat = elapsedMs()
      timer ??= setInterval(beat, BEAT_MS).unref()
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}

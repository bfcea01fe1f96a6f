import type { Clock } from '../../src/clock.ts'

/** A round moment well inside every certificate and key lifetime that tests use. */
const START = new Date('2026-01-01T00:00:00.000Z')

/**
 * A clock that moves when told. `wait` resolves once it has been moved far enough; with `autoAdvance` it moves itself
 * by the time waited, so that code which sleeps runs through at once.
 */
export class TestClock implements Clock {
  /** Whether `wait` moves the clock instead of waiting to be moved. */
  autoAdvance: boolean
  #now: number
  #waiting: { until: number; resolve: () => void }[] = []

  constructor(start: Date = START, options: { autoAdvance?: boolean } = {}) {
    this.#now = start.getTime()
    this.autoAdvance = options.autoAdvance ?? false
  }

  now(): Date {
    return new Date(this.#now)
  }

  wait(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return Promise.resolve()
    if (this.autoAdvance) {
      this.advance(milliseconds)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting.push({ until: this.#now + milliseconds, resolve })
    })
  }

  /** Moves the clock forward; whoever waited for that long goes on, in the order of their moments. */
  advance(milliseconds: number): void {
    this.set(new Date(this.#now + milliseconds))
  }

  /** Moves the clock to a moment; back is allowed and wakes nobody. */
  set(moment: Date): void {
    this.#now = moment.getTime()
    const due = this.#waiting.filter(({ until }) => until <= this.#now)
    this.#waiting = this.#waiting.filter(({ until }) => until > this.#now)
    for (const { resolve } of due.sort((a, b) => a.until - b.until)) resolve()
  }

  /** How many `wait`s have not resolved yet: what a test waits for before it moves the clock. */
  get waiting(): number {
    return this.#waiting.length
  }
}

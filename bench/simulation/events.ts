/** What is going to happen, in virtual time. */
export interface Events {
  /** The virtual time, seconds. */
  now(): number
  /** Lets something happen after a number of seconds; what is due at the same time happens in the order of asking. */
  after(seconds: number, action: () => void): void
  /** Lets everything happen that is due before `end`, in order. */
  run(end: number): void
}

interface Due {
  readonly at: number
  readonly action: () => void
}

/** An empty agenda. One device has a handful of events at a time, so that a sorted list is the quickest. */
export function makeEvents(): Events {
  let now = 0
  const due: Due[] = []
  return {
    now: () => now,
    after(seconds, action) {
      const at = now + seconds
      let place = due.length
      while (place > 0 && (due[place - 1] as Due).at <= at) place--
      due.splice(place, 0, { at, action })
    },
    run(end) {
      for (let next = due.pop(); next !== undefined && next.at < end; next = due.pop()) {
        now = next.at
        next.action()
      }
    },
  }
}

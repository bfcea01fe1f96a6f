import type { Clock } from '../clock.ts'

/** What requests are told apart by: no class can take the places of another. */
export type RequestClass = 'token' | 'login' | 'introspection' | 'account'

/** Bounds of one class in one process. */
export interface Bounds {
  /** How many are served at a time. */
  readonly serving: number
  /** How many may wait for that. */
  readonly waiting: number
}

/**
 * Serving more than these at a time makes nothing quicker: signatures, queries and hashes have queues of their own behind
 * them. What waits is what a core can do in the time that it may wait.
 */
const BOUNDS: Readonly<Record<RequestClass, Bounds>> = {
  token: { serving: 128, waiting: 1024 },
  // Without those whose password is being hashed: the hash processes have a queue of their own.
  login: { serving: 64, waiting: 256 },
  introspection: { serving: 128, waiting: 2048 },
  account: { serving: 32, waiting: 128 },
}
/** Whoever has waited this long for a place is sent away: behind it stand those who have not given up yet. */
const MAX_WAIT_MS = 1000
const SWEEP_MS = 100

/** A place among those who are served; it is given back once, however often that is said. */
export type LeavePlace = () => void

/** Lets requests in. */
export interface Admission {
  /**
   * @param begin called when there is a place, at once or later
   * @param refuse called instead, when there is none and will be none in time
   */
  enter(kind: RequestClass, begin: (leave: LeavePlace) => void, refuse: () => void): void
  /** How many requests have a place now, of all classes. */
  serving(): number
  /** How many wait for one. */
  waiting(): number
}

interface Waiting {
  readonly since: number
  readonly begin: (leave: LeavePlace) => void
  readonly refuse: () => void
}

/**
 * Makes the queues: first come, first served, no longer than a second and no longer than they are bounded. A flood is
 * answered with as much work as there is room for, and the rest is refused before it has cost anything.
 */
export function makeAdmission(
  clock: Clock,
  bounds: Readonly<Record<RequestClass, Bounds>> = BOUNDS,
): Admission {
  const queues = {
    token: makeQueue(clock, bounds.token),
    login: makeQueue(clock, bounds.login),
    introspection: makeQueue(clock, bounds.introspection),
    account: makeQueue(clock, bounds.account),
  }
  const all = Object.values(queues)
  return {
    enter: (kind, begin, refuse) => queues[kind].enter(begin, refuse),
    serving: () => all.reduce((sum, queue) => sum + queue.serving(), 0),
    waiting: () => all.reduce((sum, queue) => sum + queue.waiting(), 0),
  }
}

function makeQueue(clock: Clock, bounds: Bounds) {
  let serving = 0
  let isSweeping = false
  const waiting: Waiting[] = []

  function serve(begin: Waiting['begin']): void {
    serving++
    let hasLeft = false
    begin(() => {
      if (hasLeft) return
      hasLeft = true
      serving--
      refuseOverdue()
      const next = serving < bounds.serving ? waiting.shift() : undefined
      if (next) serve(next.begin)
    })
  }

  function refuseOverdue(): void {
    const latest = clock.now().getTime() - MAX_WAIT_MS
    while (waiting[0] !== undefined && waiting[0].since <= latest) waiting.shift()?.refuse()
  }

  async function sweep(): Promise<void> {
    if (isSweeping) return
    isSweeping = true
    while (waiting.length > 0) {
      await clock.wait(SWEEP_MS)
      refuseOverdue()
    }
    isSweeping = false
  }

  return {
    enter(begin: Waiting['begin'], refuse: () => void): void {
      if (serving < bounds.serving) serve(begin)
      else if (waiting.length >= bounds.waiting) refuse()
      else {
        waiting.push({ since: clock.now().getTime(), begin, refuse })
        void sweep()
      }
    },
    serving: () => serving,
    waiting: () => waiting.length,
  }
}

import { assumed } from './assumptions.ts'
import { makeEvents } from './events.ts'
import { type Draw, seededDraw } from './random.ts'
import type { Circumstances, Scenario } from './scenarios.ts'
import type { Answer, Family, Strategy } from './strategy.ts'
import type { Tally } from './tally.ts'
import { type Thief, watchThief } from './thief.ts'

/** One login on the device, and what has become of it. */
export interface Session {
  readonly family: Family
  readonly begunAt: number
  /** The token in the storage that all tabs share. */
  held: number
  over: boolean
  forked: boolean
  thief: Thief | undefined
}

const DAY_SECONDS = 86_400
/** When, as shares of the time: not so late that nothing could come of it. */
const THIEF_COMES = [0.1, 0.8] as const

/** How long a scenario takes, virtual seconds. */
export function durationOf({ span }: Scenario): number {
  if (span === 'year') return assumed('yearDays') * DAY_SECONDS
  const [low, high] = assumed('refreshEvery')
  return ((low + high) / 2) * assumed('refreshesOfSession')
}

/**
 * Lets one device live through a scenario under one strategy. The client follows the rules for clients: it stores the
 * new token before anything else, retries with what is in the storage, and gives a session up only when it is refused.
 * @param stream names the device's draws: the same for every strategy, so that all meet the same fate
 * @param tally what happens is counted there
 */
export function liveThrough(scenario: Scenario, strategy: Strategy, stream: string, tally: Tally): void {
  const events = makeEvents()
  const draws = (name: string): Draw => seededDraw(`${stream}/${name}`)
  const [use, network, store, theft] = [draws('use'), draws('network'), draws('store'), draws('theft')]
  const circumstances: Circumstances = scenario.circumstances(draws('circumstances'))
  const duration = durationOf(scenario)
  let minted = 0
  let offlineUntil = 0
  let rounds = 0
  /** Comes once, to whatever session there is then, or else to the next. */
  let thiefWaits = false

  function login(): Session {
    const family = strategy.begin(circumstances.kind, events.now(), () => ++minted)
    tally.sessions++
    return { family, begunAt: events.now(), held: family.token, over: false, forked: false, thief: undefined }
  }

  /** The device is in use and its access token runs out: every tab that is open refreshes. */
  function round(): void {
    if (scenario.span === 'session' && (rounds === assumed('refreshesOfSession') || current.over)) return
    events.after(untilNextRound(), round)
    if (events.now() < offlineUntil) return
    rounds++
    if (scenario.span === 'year' && events.now() - current.begunAt > assumed('yearAbsoluteTtl')) {
      current.over = true
    }
    if (current.over) current = login()
    if (thiefWaits) thiefComes()
    const session = current
    attempt(session)
    for (let tab = 1; tab < circumstances.tabs; tab++) {
      events.after(use.between(assumed('secondTabStagger')), () => attempt(session))
    }
  }

  function thiefComes(): void {
    thiefWaits = current.over
    if (thiefWaits || !circumstances.theft) return
    const { theft: kind } = circumstances
    const session = current
    const until = Math.min(duration, session.begunAt + assumed('yearAbsoluteTtl'))
    session.thief = watchThief({ theft: kind, session, until, events, draw: theft, tally, noteAnswer })
  }

  function attempt(session: Session): void {
    const presented = session.held
    events.after(network.logBetween(assumed('oneWay')), () => {
      if (session.over) return
      const answer = session.family.refresh(presented, events.now())
      tally.refreshes++
      noteAnswer(session, answer)
      const rotated = answer.kind === 'granted' && answer.token !== session.held
      if (rotated) {
        session.thief?.seesRotation(presented)
        if (store.chance(circumstances.lostWrite)) forget(session)
      }
      if (network.chance(circumstances.lostResponse)) retryLater(session)
      else events.after(network.logBetween(assumed('oneWay')), () => receive(session, presented, answer))
    })
  }

  function retryLater(session: Session): void {
    const late = network.chance(circumstances.lateShare)
    const seconds = late
      ? network.logBetween(assumed('lateRetryAfter'))
      : network.between(assumed('quickRetryAfter'))
    if (late) offlineUntil = events.now() + seconds
    events.after(seconds, () => attempt(session))
  }

  function receive(session: Session, presented: number, answer: Answer): void {
    if (session.over) return
    if (answer.kind === 'granted') {
      session.held = answer.token
    } else if (session.held !== presented) {
      attempt(session) // another tab has stored a newer token meanwhile
    } else {
      session.over = true
      if (session.thief === undefined) tally.lost++
    }
  }

  function noteAnswer(session: Session, answer: Answer): void {
    if (!session.forked && session.family.liveChains() > 1) {
      session.forked = true
      tally.forked++
    }
    if (answer.kind === 'theft') session.thief?.detected()
  }

  /** The store loses the rotation it has just acknowledged, or everything. */
  function forget(session: Session): void {
    const since = events.now()
    const empty = store.chance(assumed('emptyStoreShare'))
    const nodeDies = store.chance(assumed('nodeDiesShare'))
    // A node that dies with the store does so before its flush; else it would have anchored.
    events.after(nodeDies ? 0 : assumed('lostWriteAfter'), () => {
      const fault = { at: events.now(), nodeDies }
      if (empty) session.family.loseEverything(fault)
      else session.family.loseWritesSince(since, fault)
    })
  }

  function untilNextRound(): number {
    if (scenario.span === 'session' || use.chance(assumed('yearStays'))) {
      return use.between(assumed('refreshEvery'))
    }
    const isLong = use.chance(assumed('yearLongPauseShare'))
    return use.logBetween(assumed(isLong ? 'yearLongPause' : 'yearPause'))
  }

  /** The fleet's store fails over: whatever was written in its last moment is gone, for every session. */
  for (let failover = 1; failover <= scenario.failovers; failover++) {
    const at = (duration * (failover - 0.5)) / scenario.failovers
    events.after(at, () => {
      const since = at - assumed('lostWriteAfter') * 2
      current.family.loseWritesSince(since, { at, nodeDies: false })
    })
  }
  tally.devices++
  let current = login()
  events.after(use.between(assumed('refreshEvery')), round)
  if (circumstances.theft) events.after(theft.between(THIEF_COMES) * duration, thiefComes)
  // A late retry may take longer than the whole session would have; a year is a year.
  events.run(scenario.span === 'year' ? duration : Number.POSITIVE_INFINITY)
}

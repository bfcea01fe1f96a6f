import { assumed } from './assumptions.ts'
import type { Session } from './device.ts'
import type { Events } from './events.ts'
import type { Draw } from './random.ts'
import type { Theft } from './scenarios.ts'
import type { Answer } from './strategy.ts'
import type { Tally } from './tally.ts'

/** Somebody who has a copy of one of a session's tokens. */
export interface Thief {
  /** A token has just been spent. */
  seesRotation(spent: number): void
  /** The service has ended the session for theft. */
  detected(): void
}

/**
 * Lets a thief come to a session. With a token that works he goes on as a client would, at a client's pace, until he is
 * refused or the time is up.
 * @param noteAnswer is told what the service answers him
 */
export function watchThief(options: {
  theft: Theft
  session: Session
  /** When the session ends by itself, or the simulation. */
  until: number
  events: Events
  draw: Draw
  tally: Tally
  noteAnswer: (session: Session, answer: Answer) => void
}): Thief {
  const { theft, session, until, events, draw, tally, noteAnswer } = options
  let waits = theft === 'spent' || theft === 'forgotten'
  let own: number | undefined
  let got = 0
  let isDetected = false
  tally.thefts++

  function use(token: number): void {
    if (events.now() > until) return
    const answer = session.family.refresh(token, events.now())
    if (answer.kind === 'granted') {
      got++
      tally.thiefRefreshes++
      if (got === 1) tally.theftsThatGot++
      own = answer.token
      if (theft !== 'in step') events.after(draw.between(assumed('refreshEvery')), () => use(answer.token))
    }
    noteAnswer(session, answer)
  }

  if (theft === 'current') {
    const copied = session.held
    events.after(draw.logBetween(assumed('thiefAfter')), () => use(copied))
  }
  return {
    seesRotation(spent) {
      if (theft === 'in step') {
        const token = own ?? spent
        events.after(draw.between(assumed('thiefInStepAfter')), () => use(token))
      }
      if (!waits) return
      waits = false
      if (theft === 'forgotten') {
        const since = events.now()
        events.after(assumed('lostWriteAfter'), () =>
          session.family.loseWritesSince(since, { at: events.now(), nodeDies: false }),
        )
      }
      events.after(draw.between(assumed('thiefAfterWindow')), () => use(spent))
    },
    detected() {
      if (isDetected) return
      isDetected = true
      tally.detected++
    },
  }
}

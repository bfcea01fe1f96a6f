import { addSeconds, type Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { withRequest } from '../telemetry/request-context.ts'
import type { Mail, MailPurpose, SendMail, SendOutcome } from './mail.ts'
import type { Outbox, WaitingMail } from './outbox.ts'

/** A mail that has found whom it is for. */
export interface PreparedMail {
  readonly mail: Mail
  readonly userId: string
  /** Takes back what was made for the mail, where it was not sent. */
  undo(): Promise<void>
}

/** Finds out whom a mail is for and writes it; undefined where nobody is to get it. */
export type PrepareMail = (purpose: MailPurpose, recipient: string) => Promise<PreparedMail | undefined>

/** What sends the mails that wait. */
export interface Delivery {
  /** Looks every few seconds, for what another node was asked for and did not send. */
  start(): void
  /** Sends what is due, now. Does not fail: what could not be done is logged, and tried again. */
  run(): Promise<void>
  /** Ends the timer; what is being sent gets a moment to be finished, and is sent again by another node otherwise. */
  stop(): Promise<void>
}

const PERIOD_MS = 5000
/** Claimed at a time, and sent at the same time: an SMTP server is slow, not busy. */
const AT_ONCE = 8
/** Longer than a server can keep us waiting with a mail (smtp.ts). */
const LEASE_MS = 120_000
/** What is waited after each failure; there is no try after the last. In all as long as anybody waits for such a mail. */
const RETRY_SECONDS = [5, 30, 120, 300]
const STOP_PATIENCE_MS = 5000
const STOP_STEP_MS = 250

/** Makes what sends the mails that wait. Any number of nodes may run one; each mail is taken by one of them. */
export function makeDelivery({
  outbox,
  prepare,
  send,
  count,
  clock,
  logger,
}: {
  outbox: Outbox
  prepare: PrepareMail
  send: SendMail
  /** Told of each mail that was handed to the server, or was not taken. */
  count: (purpose: MailPurpose, outcome: SendOutcome['outcome']) => void
  clock: Clock
  logger: Logger
}): Delivery {
  let running: Promise<void> | undefined
  let isAskedAgain = false
  let timer: NodeJS.Timeout | undefined

  async function deliver(waiting: WaitingMail): Promise<void> {
    const { purpose, attempts } = waiting
    const prepared = await prepare(purpose, waiting.recipient)
    if (!prepared) return outbox.finish(waiting, undefined)
    const { userId } = prepared
    const event = { actor: 'keyturn', userId } as const
    const result = await send(prepared.mail)
    count(purpose, result.outcome)
    if (result.outcome === 'sent') {
      return outbox.finish(waiting, { ...event, event: 'mail.sent', details: { purpose } })
    }
    await prepared.undo()
    const { outcome, reason } = result
    const pause = outcome === 'failed' ? RETRY_SECONDS[attempts - 1] : undefined
    if (pause !== undefined) {
      logger.warn({ purpose, attempts, reason }, 'a mail was not sent, and is tried again')
      return outbox.postpone(waiting.id, addSeconds(clock.now(), pause))
    }
    logger.error({ purpose, attempts, reason, user: userId }, 'a mail was not sent, and is given up')
    await outbox.finish(waiting, { ...event, event: 'mail.failed', details: { purpose, attempts, reason } })
  }

  /** So that log lines and audit rows say which request a mail was asked for in, whichever has set this off. */
  function deliverInItsRequest(waiting: WaitingMail): Promise<void> {
    return waiting.request ? withRequest(waiting.request, () => deliver(waiting)) : deliver(waiting)
  }

  async function runOnce(): Promise<void> {
    try {
      for (;;) {
        isAskedAgain = false
        const claimed = await outbox.claim(clock.now(), AT_ONCE, LEASE_MS)
        const results = await Promise.allSettled(claimed.map(deliverInItsRequest))
        const failure = results.find(({ status }) => status === 'rejected')
        if (failure?.status === 'rejected') throw failure.reason
        if (claimed.length < AT_ONCE && !isAskedAgain) return
      }
    } catch (error) {
      logger.warn({ err: error }, 'mails that wait were not sent yet')
    }
  }

  function run(): Promise<void> {
    isAskedAgain = true
    running ??= runOnce().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    start() {
      timer ??= setInterval(run, PERIOD_MS).unref()
    },
    run,
    async stop() {
      clearInterval(timer)
      // In steps: a timer that nobody waits for any more would keep the process.
      for (let waitedMs = 0; running && waitedMs < STOP_PATIENCE_MS; waitedMs += STOP_STEP_MS) {
        await Promise.race([running, clock.wait(STOP_STEP_MS)])
      }
    },
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import { type Connection, openConnection } from './connection.ts'
import { type HeldSession, perform } from './perform.ts'
import type { Operation, Stream, StreamResult } from './protocol.ts'
import { makeTally, type Tally } from './tally.ts'

/** A connection with what it holds. */
interface Driven {
  readonly connection: Connection
  readonly held: HeldSession
}

/** What is due when the time is up is still sent within this; the rest counts as an error. */
const BACKLOG_MS = 5000

/** Opens a stream's connections and does what comes before the time runs. @returns what runs it */
export async function prepareStream(
  stream: Stream,
  port: number,
  sessions: readonly HeldSession[],
): Promise<(milliseconds: number) => Promise<StreamResult>> {
  const first = stream.firstSession ?? 0
  const driven = Array.from({ length: stream.pace.connections }, (_, place) => ({
    connection: openConnection(port),
    held: sessions[first + place] ?? { tokens: { refresh: '', access: '' } },
  }))
  const { before } = stream
  if (before !== undefined) {
    const tally = makeTally()
    await Promise.all(driven.map(({ connection, held }) => perform(before, connection, held, tally, 0)))
  }
  return async (milliseconds) => {
    const tally = makeTally()
    const start = performance.now()
    const choose = chooser(stream)
    if (stream.pace.kind === 'closed') await driveClosed(driven, choose, tally, start + milliseconds)
    else await driveOpen(driven, choose, tally, start, milliseconds, stream.pace.perSecond)
    const seconds = (performance.now() - start) / 1000
    for (const { connection } of driven) connection.close()
    return tally.result(stream.name, seconds)
  }
}

async function driveClosed(
  driven: readonly Driven[],
  choose: () => Operation,
  tally: Tally,
  until: number,
): Promise<void> {
  const keepAsking = async ({ connection, held }: Driven) => {
    while (performance.now() < until) {
      const pause = await perform(choose(), connection, held, tally, performance.now())
      if (pause > 0) await delay(Math.max(0, Math.min(pause, until - performance.now())))
    }
  }
  await Promise.all(driven.map(keepAsking))
}

async function driveOpen(
  driven: readonly Driven[],
  choose: () => Operation,
  tally: Tally,
  start: number,
  milliseconds: number,
  perSecond: number,
): Promise<void> {
  const free = [...driven]
  const due: number[] = []
  let underWay = 0
  const send = () => {
    while (free.length > 0 && due.length > 0) {
      const at = due.shift() ?? 0
      const driving = free.pop()
      if (!driving) return
      const { connection, held } = driving
      underWay++
      perform(choose(), connection, held, tally, at)
        .catch((error: Error) => tally.failed(error.message))
        .finally(() => {
          underWay--
          free.push(driving)
          send()
        })
    }
  }
  const planned = Math.floor((milliseconds * perSecond) / 1000)
  for (let next = 0; next < planned; await delay(1)) {
    for (const now = performance.now(); next < planned; next++) {
      const at = start + (next * 1000) / perSecond
      if (at > now) break
      due.push(at)
    }
    send()
  }
  for (const end = performance.now() + BACKLOG_MS; due.length > 0 && performance.now() < end; ) await delay(5)
  for (const _ of due.splice(0)) tally.failed('never sent')
  while (underWay > 0) await delay(1)
}

/** Takes turns so that each operation gets its share, evenly spread: the same order in every run. */
function chooser({ operations }: Stream): () => Operation {
  const total = operations.reduce((sum, { share }) => sum + share, 0)
  const credit = operations.map(() => 0)
  return () => {
    let best = 0
    for (const [place, { share }] of operations.entries()) {
      credit[place] = (credit[place] ?? 0) + share
      if ((credit[place] ?? 0) > (credit[best] ?? 0)) best = place
    }
    credit[best] = (credit[best] ?? 0) - total
    const chosen = operations[best]
    if (!chosen) throw new Error('a stream has at least one operation')
    return chosen.operation
  }
}

import type { ResourceServer } from './fleet.ts'
import { decode } from './resource-server.ts'
import { SCHEDULE } from './scale.ts'

/** At birth, in the middle of its life, and in its last second. */
export type Age = 'birth' | 'mid-life' | 'last second'

/** Why a token was not accepted: a verdict, but that it matters whether this very server knew the key once. */
export type FailureReason = 'not yet known' | 'no longer known' | 'bad signature' | 'no keys' | 'refused'

/** That a resource server did not accept a token that it should have. */
export interface Failure {
  readonly kind: string
  readonly age: Age
  readonly kid: string
  readonly reason: FailureReason
  /** What there is to say beside. */
  readonly because: string
  /** When, in ms since 1970. */
  readonly at: number
}

/** What a token says about itself. */
export interface Minted {
  readonly token: string
  readonly kid: string
  /** ms since 1970. */
  readonly at: number
}

/** All tokens of a run, presented to all resource servers. */
export interface Examination {
  /** Presents it now, and when it is older. */
  take(token: string): void
  /** Resolves when every token has had its last second. */
  finished(): Promise<void>
  readonly minted: readonly Minted[]
  /** Verifications so far, by kind of server. */
  readonly verifications: ReadonlyMap<string, number>
  readonly failures: readonly Failure[]
}

/** A second of these tokens' lives, scaled. Whole seconds of `exp` leave no more certain. */
const LAST_SECOND_MS = 250

/** Examines tokens with these servers. */
export function examine(servers: readonly ResourceServer[]): Examination {
  const pending = new Set<Promise<void>>()
  const minted: Minted[] = []
  const known = new Map(servers.map((server) => [server, new Set<string>()]))
  const verifications = new Map(servers.map(({ kind }) => [kind, 0]))
  const failures: Failure[] = []

  async function present(server: ResourceServer, token: string, kid: string, age: Age, due: number) {
    // It may be later than that already on a busy machine. The server's clock shows what it should: this is about keys.
    const answer = await server.verify(token, new Date(due + server.aheadSeconds * 1000))
    verifications.set(server.kind, (verifications.get(server.kind) ?? 0) + 1)
    const knows = known.get(server)
    if (answer.verdict === 'accepted') {
      knows?.add(kid)
      return
    }
    const ofKid = knows?.has(kid) ? 'no longer known' : 'not yet known'
    const reason = answer.verdict === 'unknown kid' ? ofKid : answer.verdict
    const because = 'because' in answer ? answer.because : ''
    failures.push({ kind: server.kind, age, kid, reason, because, at: Date.now() })
  }

  function later(due: number, work: () => Promise<void>): void {
    const done = new Promise<void>((resolve, reject) => {
      setTimeout(() => work().then(resolve, reject), due - Date.now())
    })
    pending.add(done)
    done.then(
      () => pending.delete(done),
      () => {}, // stays, so that `finished` rejects
    )
  }

  return {
    ...{ minted, verifications, failures },
    take(token) {
      const [header = '', payload = ''] = token.split('.')
      const kid = String(decode(header)['kid'])
      const { iat, exp } = decode(payload)
      const now = Date.now()
      minted.push({ token, kid, at: now })
      const middle = ((Number(iat) + Number(exp)) * 1000) / 2
      const last = Number(exp) * 1000 - LAST_SECOND_MS
      for (const server of servers) {
        const turn = (age: Age, due: number) => later(due, () => present(server, token, kid, age, due))
        turn('birth', now)
        turn('mid-life', middle)
        turn('last second', last - server.aheadSeconds * 1000)
      }
    },
    async finished() {
      const longest = performance.now() + (SCHEDULE.longestLifetimeSeconds + SCHEDULE.clockSkewSeconds) * 2000
      while (pending.size > 0 && performance.now() < longest) await Promise.all(pending)
    },
  }
}

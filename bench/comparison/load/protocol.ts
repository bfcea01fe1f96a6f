/*
 * What is asked of the load generator, and what it answers. It is a process of its own, so all of this is plain data.
 */

/** One request, as data. `$refresh` and `$access` in its body stand for the tokens of the connection's session. */
export interface Operation {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Part of every good answer; a 200 without it is an error. */
  readonly expects?: string
  /** The members of the answer that take the place of the session's tokens; without `access` that one is kept. */
  readonly renews?: { readonly refresh: string; readonly access?: string }
  /** The member of the answer that holds a JWT whose `kid` is to be counted. */
  readonly countsKidOf?: string
}

/** The tokens that one connection holds. */
export interface Session {
  readonly refresh: string
  readonly access: string
}

/** How requests come: as soon as the answer before is there, or when they are due, whatever the server does. */
export type Pace =
  | { readonly kind: 'closed'; readonly connections: number }
  | { readonly kind: 'open'; readonly connections: number; readonly perSecond: number }

/** Requests of one pace. */
export interface Stream {
  readonly name: string
  readonly pace: Pace
  /** Each as often as its share says. */
  readonly operations: readonly { readonly share: number; readonly operation: Operation }[]
  /** Done once on each connection before the time runs. */
  readonly before?: Operation
  /** The first session that it uses: two streams at once must not use the same. */
  readonly firstSession?: number
}

/** Something for the generator to do. */
export type Order =
  | { readonly kind: 'sessions'; readonly system: string; readonly sessions: readonly Session[] }
  | {
      readonly kind: 'run'
      readonly system: string
      readonly origin: string
      readonly streams: readonly Stream[]
      readonly seconds: number
    }

/** What came of a stream. */
export interface StreamResult {
  readonly name: string
  /** Good answers. */
  readonly answered: number
  /** What went wrong, and how often: `status 503`, `timeout` … */
  readonly errors: Readonly<Record<string, number>>
  /** From the start until the last answer. */
  readonly seconds: number
  /** Milliseconds; of an open stream from when the request was due. */
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** How many tokens each signing key made, where they were counted. */
  readonly kids: Readonly<Record<string, number>>
}

/** What came of a run. */
export interface RunResult {
  readonly streams: readonly StreamResult[]
  /** The share of its core that the generator used: near 1, it is the generator that was measured. */
  readonly generatorLoad: number
}

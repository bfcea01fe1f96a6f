/** What a serving node says about itself at each reading of the signing keys. */
export interface NodeReport {
  /** Random, made at its start. */
  readonly id: string
  /** `max-age` of the JWKS that it serves. */
  readonly jwksMaxAgeSeconds: number
  /** The fingerprints of the sealing keys that it holds. */
  readonly sealingKeys: readonly string[]
  /** The kid of the key that it signs with where a client has not chosen; null where it cannot sign. */
  readonly signsWith: string | null
}

/** A node that said so a moment ago, and has not said that it stops. */
export interface LiveNode extends NodeReport {
  readonly seenAt: Date
}

/**
 * The nodes that serve, by the database's time. What a node advertised is remembered for a day after it was seen last,
 * longer where its `max-age` is long, since caches remember it too; then its row is removed by whichever node reports next.
 */
export interface Nodes {
  /** @throws Unavailable when the database does not answer */
  report(node: NodeReport): Promise<void>
  /** The node stops: it is no longer live, but what it advertised is remembered. */
  stopped(id: string): Promise<void>
  /** The nodes seen within so many seconds. */
  live(withinSeconds: number): Promise<LiveNode[]>
}

import { type Aggregator, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What is read at each scrape instead of being counted as it happens. */
export interface Gauges {
  readonly anchorsWaiting: () => number
  readonly anchorLagSeconds: () => number
  readonly hashesRunning: () => number
  readonly hashesQueued: () => number
  readonly requestsServing: () => number
  readonly requestsWaiting: () => number
  readonly auditUnchained: () => number
  readonly signingKeysDamaged: () => number
  /** Only where there is Redis. */
  readonly redisUp?: () => number
}

/** Every metric there is, with its labels and its help text. */
export function makeMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const requests = new Counter({
    name: 'keyturn_http_requests_total',
    help: 'Requests answered, by route and status; reason says why one was refused.',
    labelNames: ['route', 'status', 'reason'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'keyturn_http_request_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['route'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  /** A child of each combination that has occurred: finding it by its labels takes longer than counting. */
  const answers = new Map<string, { inc(): void; observe(seconds: number): void }>()

  return {
    registry,
    requests,
    /** Counts a request that has been answered. Routes, statuses and reasons are ours, so there are few of them. */
    noteAnswer(route: string, status: number, reason: string, duration: number): void {
      const name = `${route} ${status} ${reason}`
      let answer = answers.get(name)
      if (answer === undefined) {
        const [counter, histogram] = [requests.labels(route, String(status), reason), seconds.labels(route)]
        answer = { inc: () => counter.inc(), observe: (value) => histogram.observe(value) }
        answers.set(name, answer)
      }
      answer.inc()
      answer.observe(duration)
    },
    tokens: new Counter({
      name: 'keyturn_tokens_issued_total',
      help: 'Token responses, by grant.',
      labelNames: ['grant'] as const,
      registers,
    }),
    rateLimited: new Counter({
      name: 'keyturn_rate_limited_total',
      help: 'Requests refused because a limit was reached, by limit.',
      labelNames: ['limit'] as const,
      registers,
    }),
    refreshes: new Counter({
      name: 'keyturn_refreshes_total',
      help: 'Refresh tokens presented, by what came of it.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    mails: new Counter({
      name: 'keyturn_mails_total',
      help: 'Mails handed to the mail server, by purpose and by what it said; one that failed is tried again.',
      labelNames: ['purpose', 'outcome'] as const,
      registers,
    }),
    /** Registers the gauges, once the parts that they read exist. */
    watch(gauges: Gauges): void {
      // What several workers have in common is not added up.
      const rows: [name: string, help: string, read: () => number, aggregator?: Aggregator][] = [
        ['keyturn_anchors_waiting', 'Families rotated in Redis and not yet anchored.', gauges.anchorsWaiting],
        [
          'keyturn_anchor_lag_seconds',
          'Age of the oldest rotation not yet anchored.',
          gauges.anchorLagSeconds,
          'max',
        ],
        ['keyturn_hashes_running', 'Password hashes being computed.', gauges.hashesRunning],
        ['keyturn_hashes_queued', 'Password hashes waiting.', gauges.hashesQueued],
        ['keyturn_requests_serving', 'Requests that have a place.', gauges.requestsServing],
        ['keyturn_requests_waiting', 'Requests that wait for a place.', gauges.requestsWaiting],
        [
          'keyturn_audit_unchained',
          'Audit rows without a place in the chain yet.',
          gauges.auditUnchained,
          'max',
        ],
        [
          'keyturn_signing_keys_damaged',
          'Stored signing keys that cannot be used: alert on any.',
          gauges.signingKeysDamaged,
          'max',
        ],
      ]
      if (gauges.redisUp)
        rows.push(['keyturn_redis_up', 'Whether Redis does its work.', gauges.redisUp, 'min'])
      for (const [name, help, read, aggregator = 'sum'] of rows) {
        new Gauge({
          name,
          help,
          registers,
          aggregator,
          collect() {
            this.set(read())
          },
        })
      }
    },
  }
}

/** The metrics of one running Keyturn. */
export type Metrics = ReturnType<typeof makeMetrics>

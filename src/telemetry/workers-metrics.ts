import { AggregatorRegistry, Counter, Registry } from 'prom-client'

/** Metrics as text, for whoever scrapes them. */
export interface ScrapedMetrics {
  readonly contentType: string
  metrics(): Promise<string>
}

/** Lets the primary read the metrics of this worker. */
export function shareMetrics(registry: Registry): void {
  AggregatorRegistry.setRegistries([registry])
  new AggregatorRegistry()
}

/**
 * The metrics of all workers as one: what counts is summed up, and of a gauge the sum, or what its `aggregator` says.
 * @param restarts how often a worker was replaced
 */
export function workersMetrics(restarts: () => number): ScrapedMetrics {
  const workers = new AggregatorRegistry()
  const own = new Registry()
  new Counter({
    name: 'keyturn_worker_restarts_total',
    help: 'Workers that ended and were replaced.',
    registers: [own],
    collect() {
      this.reset()
      this.inc(restarts())
    },
  })
  return {
    contentType: workers.contentType,
    metrics: async () => `${await workers.clusterMetrics()}\n${await own.metrics()}`,
  }
}

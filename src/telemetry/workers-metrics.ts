import { AggregatorRegistry, Counter, type MetricObject, Registry } from 'prom-client'

/** Metrics as text, for whoever scrapes them. */
export interface ScrapedMetrics {
  readonly contentType: string
  metrics(): Promise<string>
}

/** What is asked of the workers. */
export interface AskedWorkers {
  /** By the id of each that listens; undefined where it did not answer. */
  metrics(): Promise<ReadonlyMap<number, object[] | undefined>>
  restarts(): number
}

/**
 * The metrics of all workers as one: what counts is summed up, and of a gauge the sum, or what its `aggregator` says. What a
 * worker had counted when it was last asked counts on after its end: a sum that falls would be taken for a restart of all.
 */
export function workersMetrics(workers: AskedWorkers): ScrapedMetrics {
  const last = new Map<number, object[]>()
  let departed: object[] = []
  const own = new Registry()
  new Counter({
    name: 'keyturn_worker_restarts_total',
    help: 'Workers that ended and were replaced.',
    registers: [own],
    collect() {
      this.reset()
      this.inc(workers.restarts())
    },
  })

  async function gather(): Promise<object[][]> {
    const answers = await workers.metrics()
    for (const [id, metrics] of answers) if (metrics) last.set(id, metrics)
    for (const [id, metrics] of last) {
      if (answers.has(id)) continue
      last.delete(id)
      const counts = (metrics as MetricObject[]).filter(({ type }) => COUNTING.has(String(type)))
      departed = await AggregatorRegistry.aggregate([departed, counts]).getMetricsAsJSON()
    }
    return [...last.values()]
  }

  return {
    contentType: own.contentType,
    async metrics() {
      const all = AggregatorRegistry.aggregate([departed, ...(await gather())])
      return `${await all.metrics()}\n${await own.metrics()}`
    },
  }
}

const COUNTING = new Set(['counter', 'histogram'])

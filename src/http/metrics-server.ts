import { createServer, type Server } from 'node:http'
import type { ScrapedMetrics } from '../telemetry/workers-metrics.ts'

/** GET /metrics for Prometheus, on a listener of its own: what it tells is not for clients. Not yet listening. */
export function makeMetricsServer(scraped: ScrapedMetrics): Server {
  return createServer((request, response) => {
    if (request.url !== '/metrics' || request.method !== 'GET') {
      response.writeHead(404).end()
      return
    }
    scraped.metrics().then(
      (text) => response.writeHead(200, { 'content-type': scraped.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
}

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Keyring } from '../../keys/keyring.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { checkRequest } from '../check-request.ts'
import { jwksHeaders, matchesEtag } from './jwks.ts'

const PATH = '/.well-known/jwks.json'

/** Answers a plain request for the key set; false where it is anything else, and nothing has been done. */
export type AnswerPlainJwks = (request: IncomingMessage, response: ServerResponse) => boolean

/**
 * The key set for whom nearly all ask that do: GET, no body, the path as it is published. A fleet that starts, or a flood,
 * gets it from memory at the cost of the answer itself, whatever else this process has to do. Everything else about the path
 * (HEAD, OPTIONS, a query, what is malformed, no keys yet) is answered by the endpoint, which says the same of the same.
 * @param headers what every answer carries
 */
export function plainJwks(parts: {
  keyring: Pick<Keyring, 'jwks'>
  headers: Readonly<Record<string, string>>
  isDraining: () => boolean
  metrics: Metrics
}): AnswerPlainJwks {
  const { keyring, metrics } = parts
  const { pragma: _, ...always } = parts.headers
  return (request, response) => {
    const { method, url, headers } = request
    if (method !== 'GET' || url !== PATH) return false
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false
    try {
      checkRequest(request)
      const { body, ...jwks } = keyring.jwks()
      const isKnown = matchesEtag(headers['if-none-match'] ?? '', jwks.etag)
      const status = isKnown ? 304 : 200
      response.writeHead(status, {
        'x-request-id': randomUUID(),
        ...always,
        ...jwksHeaders(jwks),
        ...(!isKnown && {
          'content-type': 'application/jwk-set+json',
          'content-length': String(Buffer.byteLength(body)),
        }),
        ...(parts.isDraining() && { connection: 'close' }),
      })
      response.end(isKnown ? undefined : body)
      metrics.noteAnswer(PATH, status, 'none', 0)
      return true
    } catch {
      return false
    }
  }
}

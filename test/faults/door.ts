import type { LatePolicy } from '../../src/clients/client.ts'
import type { Actor, Answer, History, Operation } from './history.ts'

/** A client as it is registered; without a secret it is public. */
export interface RegisteredClient {
  readonly id: string
  readonly secret: string | undefined
  readonly latePolicy: LatePolicy
}

/** One request in a client's name. */
export interface Request {
  readonly kind: Operation['kind']
  readonly actor: Actor
  readonly client: RegisteredClient
  readonly form: Readonly<Record<string, string>>
  /** One node by its origin; otherwise any. */
  readonly origin?: string
}

/** The way to the nodes, with a pen that writes everything down. */
export interface Door {
  readonly origins: readonly string[]
  /** Sends a request and writes down what came of it. */
  ask(request: Request): Promise<Operation>
  /** What a client program is given as `fetch`: its refreshes are written down as `actor`'s. */
  fetchFor(client: RegisteredClient, actor: Actor): typeof fetch
}

/** Longer than the slowest 503 of a node whose PostgreSQL hangs, and still within half of a retry window. */
const TIMEOUT_MS = 2500
const PATHS: Readonly<Record<Operation['kind'], string>> = {
  login: '/oauth/token',
  refresh: '/oauth/token',
  client_credentials: '/oauth/token',
  revoke: '/oauth/revoke',
  introspect: '/oauth/introspect',
  jwks: '/.well-known/jwks.json',
}

/**
 * @param origins of the nodes, that is of the links in front of them. Each request goes to any of them: no load
 * balancer spares clients what is wrong with a node
 */
export function makeDoor(origins: readonly string[], history: History): Door {
  const anyOrigin = () => origins[Math.floor(Math.random() * origins.length)] ?? ''

  async function send(
    about: Omit<Request, 'form'> & { token: string | undefined },
    init: RequestInit,
  ): Promise<{ operation: Operation; response: Response | undefined; body: unknown }> {
    const origin = about.origin ?? anyOrigin()
    const invokedAt = performance.now()
    let answer: Answer
    let response: Response | undefined
    let body: unknown
    try {
      response = await fetch(`${origin}${PATHS[about.kind]}`, {
        ...init,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      body = await response.json()
      answer = readAnswer(response, body)
    } catch (error) {
      response = undefined
      answer = { lost: error instanceof Error ? error.name : 'unknown' }
    }
    const operation: Operation = {
      kind: about.kind,
      actor: about.actor,
      latePolicy: about.client.latePolicy,
      token: about.token,
      invokedAt,
      completedAt: performance.now(),
      answer,
      node: origin,
    }
    history.add(operation)
    return { operation, response, body }
  }

  return {
    origins,

    async ask(request) {
      const { client, form } = request
      const token = form['refresh_token'] ?? form['token']
      const { operation } = await send({ ...request, token }, post(client, form))
      return operation
    },

    fetchFor: (client, actor) => async (_url, init) => {
      const form = init?.body as URLSearchParams
      const token = form.get('refresh_token') ?? undefined
      const { response, body } = await send({ kind: 'refresh', actor, client, token }, init ?? {})
      if (!response) throw new Error('no answer')
      return new Response(JSON.stringify(body), { status: response.status, headers: response.headers })
    },
  }
}

function post(client: RegisteredClient, form: Readonly<Record<string, string>>): RequestInit {
  const body = new URLSearchParams({ ...form, client_id: client.id })
  if (client.secret !== undefined) body.set('client_secret', client.secret)
  return { method: 'POST', body }
}

function readAnswer(response: Response, body: unknown): Answer {
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const text = (name: string) => (typeof fields[name] === 'string' ? (fields[name] as string) : undefined)
  return {
    status: response.status,
    error: text('error'),
    hasRetryAfter: response.headers.has('retry-after'),
    successor: text('refresh_token'),
    isActive: typeof fields['active'] === 'boolean' ? fields['active'] : undefined,
  }
}

import { AsyncLocalStorage } from 'node:async_hooks'

/** What is known of the request being served, for log lines and audit rows. */
export interface RequestContext {
  readonly id: string
  /** The client's address, after trusted proxies. */
  readonly address: string
}

const storage = new AsyncLocalStorage<RequestContext>()

/** The request being served, or undefined outside one (a timer, a command). */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore()
}

/** Runs `work` with `context` as the request being served. */
export function withRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work)
}

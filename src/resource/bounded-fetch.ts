/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** An answer within bounds. */
export interface BoundedAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/**
 * Asks once and reads the whole answer, or fails. Redirects are not followed: keys come from where the operator said.
 * The time limit holds for all of it, whatever `fetch` makes of its signal.
 * @throws Error when there is no whole answer of at most `maxBytes` within `timeoutMs`
 */
export async function boundedFetch(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  limits: { readonly timeoutMs: number; readonly maxBytes: number },
): Promise<BoundedAnswer> {
  const signal = AbortSignal.timeout(limits.timeoutMs)
  const isOver = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${limits.timeoutMs} ms`)))
  })
  return Promise.race([ask(), isOver])

  async function ask(): Promise<BoundedAnswer> {
    const response = await fetch(url, { ...init, redirect: 'manual', signal })
    const { status, headers } = response
    return { status, headers, text: await readText(response, limits.maxBytes) }
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const reader = response.body?.getReader()
  let text = ''
  let length = 0
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.byteLength
    if (length > maxBytes) {
      await reader.cancel().catch(() => {})
      throw new Error(`the answer is longer than ${maxBytes} bytes`)
    }
    text += decoder.decode(value, { stream: true })
  }
  return text + decoder.decode()
}

import { connect, type Socket } from 'node:net'

/** What a server answered. */
export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** A connection that is kept open as long as the server likes, one request at a time. */
export interface Connection {
  /** @throws Error `timeout`, `cut off` or the system's code */
  ask(request: string): Promise<Answer>
  close(): void
}

/** Longer than anybody waits for a token. */
const TIMEOUT_MS = 15_000
const HEAD_END = '\r\n\r\n'

/**
 * An HTTP/1.1 client that does no more than a benchmark needs: `node:http` takes more of a core for a request than some of
 * the servers that are measured.
 */
export function openConnection(port: number): Connection {
  let socket: Socket | undefined
  let received = Buffer.alloc(0)
  let settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  let timer: NodeJS.Timeout | undefined

  function finish(outcome: Answer | Error): void {
    clearTimeout(timer)
    const { resolve, reject } = settle ?? {}
    settle = undefined
    received = Buffer.alloc(0)
    if (outcome instanceof Error) {
      drop()
      reject?.(outcome)
    } else {
      if (/\r\nconnection: close/i.test(outcome.head)) drop()
      resolve?.(outcome)
    }
  }

  function drop(): void {
    socket?.removeAllListeners().on('error', () => {})
    socket?.destroy()
    socket = undefined
  }

  function open(): Socket {
    const opened = connect({ port, host: '127.0.0.1', noDelay: true })
    opened.on('data', (bytes) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
      const answer = parse(received, false)
      if (answer) finish(answer)
    })
    opened.on('error', (error: NodeJS.ErrnoException) => finish(new Error(error.code ?? error.message)))
    opened.on('close', () => {
      if (settle === undefined) return drop()
      finish(parse(received, true) ?? new Error('cut off'))
    })
    return opened
  }

  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        settle = { resolve, reject }
        timer = setTimeout(() => finish(new Error('timeout')), TIMEOUT_MS)
        socket ??= open()
        socket.write(request)
      })
    },
    close: drop,
  }
}

/**
 * @param isAll whether the server has closed the connection, which ends a body of no stated length
 * @returns undefined while there is more to come
 */
function parse(bytes: Buffer, isAll: boolean): Answer | undefined {
  const end = bytes.indexOf(HEAD_END)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const rest = bytes.subarray(end + HEAD_END.length)
  const status = Number(head.slice(9, 12))
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    if (rest.length < Number(length)) return undefined
    return { status, head, body: rest.toString('utf8') }
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    if (rest.indexOf('0\r\n\r\n') < 0) return undefined
    return { status, head, body: unchunk(rest.toString('utf8')) }
  }
  if (status === 204 || status === 304 || isAll) return { status, head, body: rest.toString('utf8') }
  return undefined
}

/** The answers measured here are ASCII, so that characters are bytes. */
function unchunk(text: string): string {
  let body = ''
  for (let at = 0; ; ) {
    const line = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, line), 16)
    if (line < 0 || !(size > 0)) return body
    body += text.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}

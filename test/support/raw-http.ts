import { once } from 'node:events'
import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  /** Names in lower case, in the order they came. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** The value of a header, the last where there are several. */
  header(name: string): string | undefined
}

/** A connection on which a test writes what no HTTP library would. */
export interface RawConnection {
  write(bytes: string | Uint8Array): void
  /**
   * The next answer, or undefined when the connection ended first.
   * @param toHead whether it answers a HEAD, so that no body follows whatever its headers say
   */
  next(toHead?: boolean): Promise<RawAnswer | undefined>
  /** Sends no more, and still reads. */
  end(): void
  /** Resolves when the other side has closed. */
  readonly ended: Promise<void>
  close(): void
}

/** Opens a connection to where an app listens. A string is written as latin1: a character is a byte. */
export async function connectRaw(origin: string): Promise<RawConnection> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  let received = ''
  let isOver = false
  let wake = () => {}
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      isOver = true
      wake()
      resolve()
    }
    // A reset is an end like any other: what it must not lose, the tests look at.
    socket.on('error', end)
    socket.on('end', end)
    socket.on('close', end)
  })
  socket.on('data', (data) => {
    received += data.toString('latin1')
    wake()
  })

  return {
    write: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    async next(toHead = false) {
      for (;;) {
        const read = readAnswer(received, toHead)
        if (read) {
          received = received.slice(read.length)
          return read.answer
        }
        if (isOver) return undefined
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    end: () => void socket.end(),
    ended,
    close: () => socket.destroy(),
  }
}

/** Sends bytes on a connection of their own and reads one answer. */
export async function sendRaw(origin: string, bytes: string | Uint8Array): Promise<RawAnswer | undefined> {
  const connection = await connectRaw(origin)
  connection.write(bytes)
  const answer = await connection.next(typeof bytes === 'string' && bytes.startsWith('HEAD '))
  connection.close()
  return answer
}

/** A request as bytes; `Host` and, with a body, `Content-Length` are added where they are not given. */
export function request(
  line: string,
  headers: readonly (readonly [name: string, value: string])[] = [],
  body?: string,
): string {
  const has = (name: string) => headers.some(([given]) => given.toLowerCase() === name)
  const all = [
    ...(has('host') ? [] : [['Host', 'keyturn.test'] as const]),
    ...headers,
    ...(body === undefined || has('content-length') || has('transfer-encoding')
      ? []
      : [['Content-Length', String(body.length)] as const]),
  ]
  return `${line} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body ?? ''}`
}

export const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const

/** The first answer in `text`, as soon as all of it is there. */
function readAnswer(text: string, toHead: boolean): { answer: RawAnswer; length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
  if (Number.isNaN(status)) throw new Error(`not an HTTP answer: ${JSON.stringify(text.slice(0, 200))}`)
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  const header = (name: string) => headers.findLast(([given]) => given === name)?.[1]
  const hasBody = !toHead && status >= 200 && status !== 204 && status !== 304
  const bodyLength = hasBody ? Number(header('content-length')) : 0
  if (Number.isNaN(bodyLength)) throw new Error(`an answer without Content-Length: ${statusLine}`)
  const length = headEnd + 4 + bodyLength
  if (text.length < length) return undefined
  const body = Buffer.from(text.slice(headEnd + 4, length), 'latin1').toString('utf8')
  return { answer: { status, headers, body, header }, length }
}

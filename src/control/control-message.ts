import type { Socket } from 'node:net'

/** What the command line asks of the running process; one line of JSON. */
export interface ControlRequest {
  readonly operation: string
  readonly input: unknown
}

/** What it gets back; one line of JSON, then the end. */
export type ControlAnswer =
  | { readonly result: unknown }
  | { readonly refusal: { readonly code: string; readonly message: string } }
  | {
      readonly unavailable: {
        readonly part: string
        readonly reason: string
        readonly retryAfterSeconds: number
      }
    }
  | { readonly error: string }

/** Enough for the largest list a command prints; what is larger is a mistake, and would be kept in memory twice. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024

const NEWLINE = 0x0a

/** Writes a message as one line: JSON escapes every newline inside. */
export function encodeMessage(message: ControlRequest | ControlAnswer): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`)
}

/**
 * Reads one line of JSON; whatever follows it is left alone. Undefined when the other side ends, or breaks off, before the
 * line does.
 * @throws Error when it is longer than `MAX_MESSAGE_BYTES` or not JSON
 */
export async function readMessage(socket: Socket): Promise<unknown> {
  const line = await readLine(socket)
  return line === undefined ? undefined : JSON.parse(line)
}

function readLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let length = 0
    function take(piece: Buffer): void {
      const end = piece.indexOf(NEWLINE)
      pieces.push(end < 0 ? piece : piece.subarray(0, end))
      length += piece.length
      if (length > MAX_MESSAGE_BYTES)
        reject(new Error(`the message is longer than ${MAX_MESSAGE_BYTES} bytes`))
      else if (end >= 0) resolve(Buffer.concat(pieces).toString('utf8'))
      else return
      // What follows flows by unread, so that the end of the connection is still noticed.
      socket.off('data', take)
    }
    socket.on('data', take)
    socket.once('close', () => resolve(undefined))
  })
}

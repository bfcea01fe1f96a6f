import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { Refusal } from '../refusal.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Unavailable } from '../unavailable.ts'
import { isListening } from './control-client.ts'
import { type ControlAnswer, encodeMessage, MAX_MESSAGE_BYTES, readMessage } from './control-message.ts'

/** What may be asked over the socket, by name. What goes in and out must be JSON; `undefined` comes out as null. */
export type ControlOperations = Readonly<Record<string, (input: unknown) => Promise<unknown>>>

/** For whoever connects and says nothing. */
const REQUEST_TIMEOUT_MS = 10_000
/** Read and write for the owner alone, from the moment the socket exists. */
const OWNER_ONLY_UMASK = 0o177

/**
 * Answers the command line on a Unix socket: whoever can open it may do everything, so only its owner can. A socket that a
 * killed process left behind is replaced.
 * @param path from `controlSocketPath`; the caller holds the data directory
 * @throws Refusal `control_socket_in_use` when a living process listens there
 */
export async function listenControl(
  path: string,
  operations: ControlOperations,
  logger?: Logger,
): Promise<{ close(): Promise<void> }> {
  if (await isListening(path)) {
    throw new Refusal('control_socket_in_use', `another process answers on ${path}: stop it first`)
  }
  rmSync(path, { force: true })

  /** Connections that have not said what they want. */
  const undecided = new Set<Socket>()
  const server = createServer((socket) => {
    undecided.add(socket)
    socket.once('close', () => undecided.delete(socket))
    void serve(socket, () => undecided.delete(socket))
  })

  async function serve(socket: Socket, decided: () => void): Promise<void> {
    // A caller that goes away early: what it asked for is done all the same.
    socket.on('error', () => {})
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy())
    const request = await readMessage(socket).catch(() => null)
    socket.setTimeout(0)
    if (request === undefined) return
    decided()
    const encoded = encodeAnswer(await answer(request))
    socket.end(encoded, () => socket.destroy())
  }

  async function answer(request: unknown): Promise<ControlAnswer> {
    if (!isRequest(request)) return { error: 'the request is malformed or too large' }
    const operation = Object.hasOwn(operations, request.operation) ? operations[request.operation] : undefined
    if (operation === undefined) return unknownOperation(request.operation)
    try {
      return { result: (await operation(request.input)) ?? null }
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unavailable)) {
        logger?.error({ operation: request.operation, err: error }, 'a command failed')
      }
      return describe(error)
    }
  }

  await listen(server, path)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of undecided) socket.destroy()
      }),
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(OWNER_ONLY_UMASK)
    try {
      // Binds before it returns; `exclusive` keeps it so in a cluster.
      server.listen({ path, exclusive: true }, resolve)
    } finally {
      process.umask(before)
    }
  })
}

function isRequest(value: unknown): value is { operation: string; input: unknown } {
  return (
    typeof value === 'object' && value !== null && 'operation' in value && typeof value.operation === 'string'
  )
}

function encodeAnswer(answer: ControlAnswer): Buffer {
  const encoded = encodeMessage(answer)
  if (encoded.length <= MAX_MESSAGE_BYTES) return encoded
  return encodeMessage({ error: 'the answer is too large: ask for less at a time' })
}

function describe(error: unknown): ControlAnswer {
  if (error instanceof Refusal) return { refusal: { code: error.code, message: error.message } }
  if (error instanceof Unavailable) {
    const { part, message, retryAfterSeconds } = error
    return { unavailable: { part, reason: message.slice(part.length + 2), retryAfterSeconds } }
  }
  return { error: error instanceof Error ? error.message : String(error) }
}

function unknownOperation(name: string): ControlAnswer {
  return {
    refusal: {
      code: 'operation_unknown',
      message: `the running Keyturn does not know ${JSON.stringify(name)}: it is of another version, restart it`,
    },
  }
}

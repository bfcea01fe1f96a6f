import { lstatSync, type Stats } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { Refusal } from '../refusal.ts'
import { Unavailable } from '../unavailable.ts'
import { type ControlAnswer, encodeMessage, MAX_MESSAGE_BYTES, readMessage } from './control-message.ts'

/** What lstat says where there is no such file, or not even its directory. */
const NOT_THERE: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP']

/** No process answers on the socket: the command may open the data directory itself. */
export class NotRunning extends Error {
  constructor(path: string) {
    super(`no process answers on ${path}`)
    this.name = 'NotRunning'
  }
}

/**
 * Asks the running process to do something and returns what it answered.
 * @param path from `controlSocketPath`
 * @param input anything that JSON can carry
 * @throws NotRunning when there is none
 * @throws Refusal as the operation threw it, and when the socket is not ours to trust
 * @throws Unavailable as the operation threw it, and when the process ended before it answered
 * @throws Error with the text of any other error of the operation
 */
export async function callControl(path: string, operation: string, input: unknown): Promise<unknown> {
  const request = encodeMessage({ operation, input })
  if (request.length > MAX_MESSAGE_BYTES) {
    throw new Refusal('input_too_large', `${operation} takes at most ${MAX_MESSAGE_BYTES} bytes at a time`)
  }
  const socket = await open(path)
  try {
    socket.write(request)
    const answer = (await readMessage(socket)) as ControlAnswer | undefined
    if (answer === undefined) {
      throw new Unavailable('control', 'the process ended before it answered; it may or may not have done it')
    }
    return unwrap(answer)
  } finally {
    socket.destroy()
  }
}

/** Whether a living process listens there. */
export async function isListening(path: string): Promise<boolean> {
  try {
    const socket = await open(path)
    socket.destroy()
    return true
  } catch (error) {
    if (error instanceof NotRunning) return false
    throw error
  }
}

async function open(path: string): Promise<Socket> {
  checkOwner(path)
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      // The answer that does not come says it all.
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') reject(new NotRunning(path))
      else if (error.code === 'EACCES')
        reject(untrusted(path, 'belongs to another user: run this as that user'))
      else reject(error)
    })
  })
}

/** A password may be about to be sent: only to a process of ours, of root's, or, when we are root, of anybody's. */
function checkOwner(path: string): void {
  let found: Stats
  try {
    found = lstatSync(path)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (NOT_THERE.includes(code)) throw new NotRunning(path)
    if (code === 'EACCES') throw untrusted(path, 'is in a directory of another user: run this as that user')
    throw error
  }
  const own = process.getuid?.() ?? found.uid
  if (!found.isSocket()) throw untrusted(path, 'is not a socket: remove it')
  if (own !== 0 && found.uid !== own && found.uid !== 0) {
    throw untrusted(path, 'belongs to another user: run this as that user')
  }
}

function unwrap(answer: ControlAnswer): unknown {
  if ('refusal' in answer) throw new Refusal(answer.refusal.code, answer.refusal.message)
  if ('unavailable' in answer) {
    const { part, reason, retryAfterSeconds } = answer.unavailable
    throw new Unavailable(part, reason, { retryAfterSeconds })
  }
  if ('error' in answer) throw new Error(answer.error)
  return answer.result
}

function untrusted(path: string, problem: string): Refusal {
  return new Refusal('control_socket_untrusted', `${path} ${problem}`)
}

import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('./signature.child.ts', import.meta.url))
/** Several hundred signatures: enough for a steady figure, short enough to stand beside each measurement. */
const MEASURED_MS = 300

/** What measures the bare signature. */
export interface SignatureMeter {
  readonly pid: number
  /** CPU of one RSA-2048 signature now, milliseconds. */
  measure(): Promise<number>
  stop(): void
}

/** Starts it; it ends when `stop` is called, or with this process. */
export function startSignatureMeter(): SignatureMeter {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  if (child.pid === undefined) throw new Error('the signature meter did not start')
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the signature meter ended')))
  ended.catch(() => {}) // whoever measures is told
  return {
    pid: child.pid,
    async measure() {
      child.send(MEASURED_MS)
      const [milliseconds] = await Promise.race([once(child, 'message'), ended])
      return Number(milliseconds)
    },
    stop: () => void child.kill(),
  }
}

/** The same by `openssl speed`, which has nothing of Node around it, milliseconds; undefined where there is no openssl. */
export async function opensslSignatureMs(cores: string | undefined): Promise<number | undefined> {
  const command = ['openssl', 'speed', '-seconds', '1', 'rsa2048']
  const [program = '', ...rest] = cores === undefined ? command : ['taskset', '-c', cores, ...command]
  const output = await run(program, rest).then(
    ({ stdout }) => stdout,
    () => '',
  )
  const perSecond = Number(/^rsa +2048 bits\s+\S+s\s+\S+s\s+([\d.]+)/m.exec(output)?.[1])
  return perSecond > 0 ? 1000 / perSecond : undefined
}

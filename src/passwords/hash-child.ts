import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { HashAnswer, HashRequest } from './hash-process.ts'

/** One hash process. */
export interface HashChild {
  /** Does one job; not to be called again before it is done. Rejects when the process ends first. */
  run(request: HashRequest): Promise<HashAnswer>
  /** Ends it at once, in the middle of a job if need be. */
  kill(): void
  /** Lets it end by itself. */
  dismiss(): void
  /** Resolves with how it ended: nothing runs in it any more. */
  readonly ended: Promise<string>
}

/** Hashing is all that happens there, one hash at a time, on the thread pool: one thread of it is enough. */
const ENVIRONMENT = { UV_THREADPOOL_SIZE: '1' }

/** Starts the program in hash-process, TypeScript or built, as this file is. It inherits none of our environment. */
export function forkHashProcess(): ChildProcess {
  const program = new URL(`./hash-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  return fork(fileURLToPath(program), [], {
    env: ENVIRONMENT,
    serialization: 'advanced',
    // stdout belongs to what a command prints.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

/** Drives a hash process. While it is idle it does not keep this one from ending. */
export function driveHashChild(child: ChildProcess): HashChild {
  let settle: { resolve: (answer: HashAnswer) => void; reject: (error: Error) => void } | undefined

  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  void ended.then((how) => finish()?.reject(new Error(`the hash process ended: ${how}`)))
  child.on('message', (answer: HashAnswer) => finish()?.resolve(answer))
  child.unref()
  child.channel?.unref()

  function finish() {
    const waiting = settle
    settle = undefined
    child.channel?.unref()
    return waiting
  }

  return {
    ended,
    run(request) {
      return new Promise((resolve, reject) => {
        settle = { resolve, reject }
        child.channel?.ref()
        child.send(request, (error) => {
          if (error !== null) finish()?.reject(error)
        })
      })
    },
    kill: () => void child.kill('SIGKILL'),
    dismiss: () => {
      child.ref() // somebody waits for its end, and perhaps for nothing else
      if (child.connected) child.disconnect()
    },
  }
}

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterwards } from '../support/root-hooks.ts'
import { noteSecrets } from '../support/secrets.ts'

/** What becomes of a request, or an answer that somebody on the way gives by himself. */
export type Fate =
  | 'passes'
  /** Never reaches the server. */
  | 'request lost'
  /** The server has done it, and nobody hears of it … */
  | 'answer lost'
  /** … or hears half of it … */
  | 'answer cut'
  /** … or waits in vain. */
  | 'answer late'
  /** A proxy that retries a POST by itself, and passes the second answer on. */
  | 'sent twice'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }

export interface LosingProxy {
  readonly origin: string
  /** What has been sent through it, as forms, in order. */
  readonly sent: readonly URLSearchParams[]
  /** What happens to the next requests, one each; whatever comes after them passes. */
  next(...fates: readonly Fate[]): void
  /** What happens to all of them, until told otherwise. */
  always(fate: Fate): void
  /** Is called when the server has answered and before anything is passed on. */
  onAnswer: () => Promise<void>
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** Stands between a client and a server, and loses what it is told to. Closed after the test. */
export async function startLosingProxy(target: string): Promise<LosingProxy> {
  const sent: URLSearchParams[] = []
  let fates: Fate[] = []
  let otherwise: Fate = 'passes'
  const proxy = { sent, onAnswer: async () => {}, next, always }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => incoming.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    server.close()
    server.closeAllConnections()
  })
  return Object.assign(proxy, { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(incoming)
    sent.push(new URLSearchParams(body.toString()))
    const fate = fates.shift() ?? otherwise
    if (fate === 'request lost') return void incoming.socket.destroy()
    if (typeof fate === 'object') {
      response.writeHead(fate.status, fate.headers).end(fate.body)
      return
    }
    let answer = await forward(incoming, body)
    if (fate === 'sent twice') answer = await forward(incoming, body)
    await proxy.onAnswer()
    if (fate === 'answer late') return
    if (fate === 'answer lost') return void incoming.socket.destroy()
    response.writeHead(answer.status, answer.headers)
    if (fate !== 'answer cut') return void response.end(answer.body)
    response.write(answer.body.subarray(0, answer.body.length / 2), () => incoming.socket.destroy())
  }

  function forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { method, headers: { ...headers, connection: 'close' }, agent: false }
      const outgoing = request(new URL(url ?? '/', target), options, (answer) => {
        read(answer).then((bytes) => {
          noteSecretsIn(bytes)
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes })
        }, reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  function next(...some: readonly Fate[]): void {
    fates = [...some]
  }

  function always(fate: Fate): void {
    otherwise = fate
  }
}

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function noteSecretsIn(body: Buffer): void {
  try {
    noteSecrets(JSON.parse(body.toString()))
  } catch {} // not JSON: no tokens
}

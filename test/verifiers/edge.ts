import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterwards } from '../support/root-hooks.ts'

const run = promisify(execFile)

/** Where a verifier asks for the keys, in front of Keyturn. */
export interface Edge {
  readonly jwksUrl: string
  /** How often it was asked. */
  requests(): number
}

/**
 * Passes the JWKS on.
 * @param options.cacheControl says this instead of what Keyturn says
 * @param options.openssl the program to make a certificate with; speaks TLS, then
 */
export async function openEdge(
  origin: string,
  options: {
    cacheControl?: string
    openssl?: { program: string; environment: Readonly<Record<string, string>> }
  } = {},
): Promise<Edge> {
  let requests = 0
  const pass: RequestListener = async (_, response) => {
    requests++
    const answer = await fetch(`${origin}/.well-known/jwks.json`)
    const cacheControl = options.cacheControl ?? answer.headers.get('cache-control') ?? 'no-store'
    response.writeHead(answer.status, { 'content-type': 'application/json', 'cache-control': cacheControl })
    response.end(await answer.text())
  }
  const { openssl } = options
  const server = openssl ? createTlsServer(await certificate(openssl), pass) : createServer(pass)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    jwksUrl: `${openssl ? 'https' : 'http'}://127.0.0.1:${port}/.well-known/jwks.json`,
    requests: () => requests,
  }
}

/** One for this address that nobody trusts: its client is told not to look. */
async function certificate({
  program,
  environment,
}: {
  program: string
  environment: Readonly<Record<string, string>>
}) {
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-certificate-'))
  try {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const names = ['-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert]
    await run(program, ['req', '-x509', '-config', '/dev/null', ...kind, ...names], { env: environment })
    return { key: await readFile(key), cert: await readFile(cert) }
  } finally {
    await rm(directory, { recursive: true })
  }
}

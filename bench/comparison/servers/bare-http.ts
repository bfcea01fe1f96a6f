import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { createServer } from 'node:http'
import { accessTokenClaims, TTL_SECONDS } from './claims.ts'
import { isRefreshToken, makeRefreshToken } from './refresh-token.ts'

/*
 * The floor: what a token costs where nothing is looked up, nothing kept and nobody authenticated. `node:http`, the form
 * parsed, one signature. A refresh checks one HMAC and makes another; introspection verifies the signature.
 * Arguments: the port.
 */

const port = Number(process.argv[2])
const issuer = `http://127.0.0.1:${port}`
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const header = Buffer.from('{"alg":"RS256","typ":"at+jwt","kid":"one"}').toString('base64url')
const jwks = JSON.stringify({
  keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }],
})

createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const answer =
      request.method === 'GET' ? jwks : answerTo(request.url ?? '', Buffer.concat(chunks).toString())
    response.writeHead(answer === undefined ? 400 : 200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(answer ?? ''),
    })
    response.end(answer)
  })
}).listen(port, '127.0.0.1')

function answerTo(path: string, body: string): string | undefined {
  const form = new URLSearchParams(body)
  if (path === '/oauth/introspect') return introspect(form.get('token') ?? '')
  if (form.get('grant_type') === 'refresh_token' && !isRefreshToken(form.get('refresh_token') ?? ''))
    return undefined
  const isWithRefresh = form.get('grant_type') !== 'client_credentials'
  return JSON.stringify({
    access_token: accessToken(),
    token_type: 'Bearer',
    expires_in: TTL_SECONDS,
    scope: 'read',
    ...(isWithRefresh && { refresh_token: makeRefreshToken() }),
  })
}

function accessToken(): string {
  const claims = Buffer.from(JSON.stringify(accessTokenClaims(issuer))).toString('base64url')
  const input = `${header}.${claims}`
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
}

function introspect(token: string): string {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  if (!verify('sha256', Buffer.from(token.slice(0, end)), publicKey, signature)) return '{"active":false}'
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object
  return JSON.stringify({ active: true, ...claims })
}

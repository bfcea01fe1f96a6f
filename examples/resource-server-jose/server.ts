import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import Koa from 'koa'

const { ISSUER = 'http://localhost:7600', AUDIENCE = 'https://api.example.com', PORT = '8000' } = process.env

/**
 * Keyturn's public keys. A key is published well over ten minutes before it signs, so a set may be kept for ten; a key
 * that is not in it is asked for, but at most every 30 seconds, whatever strangers send.
 */
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', ISSUER), {
  cacheMaxAge: 600_000,
  cooldownDuration: 30_000,
})

/** What an access token is here: by whom, for whom, of which type, signed how, until when. Leave none of it out. */
const EXPECTED = {
  issuer: ISSUER,
  audience: AUDIENCE,
  typ: 'at+jwt',
  algorithms: ['RS256'],
  requiredClaims: ['exp', 'sub'],
}

/** The token is not at fault: the keys cannot be had, so nobody can say whether it is good. */
const NO_KEYS = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']

const app = new Koa()

/** Lets a request past with a good token only (RFC 6750 §3); its claims are in `ctx.state.claims`. */
app.use(async (ctx, next) => {
  const refuse = (status: number, header: Record<string, string>, detail: string) => {
    ctx.set(header)
    Object.assign(ctx, { status, body: { detail } })
  }
  const [, token] = /^Bearer +(\S+)$/i.exec(ctx.get('authorization')) ?? []
  if (!token) return refuse(401, { 'www-authenticate': 'Bearer' }, 'a bearer token is needed')
  try {
    ctx.state['claims'] = (await jwtVerify(token, keys, EXPECTED)).payload
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || NO_KEYS.includes(error.code)) {
      return refuse(503, { 'retry-after': '1' }, 'the keys cannot be had')
    }
    return refuse(401, { 'www-authenticate': 'Bearer error="invalid_token"' }, 'the token is not valid')
  }
  await next()
})

app.use(async (ctx) => {
  if (ctx.path !== '/api/protected/') return
  const { username, client_id: clientId } = ctx.state['claims']
  ctx.body = { message: `Hello, ${username ?? clientId}! Your token is valid.` }
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : PORT}`)
})

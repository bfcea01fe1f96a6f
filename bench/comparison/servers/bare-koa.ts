import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import Koa from 'koa'
import { accessTokenClaims, TTL_SECONDS } from './claims.ts'
import { isRefreshToken, makeRefreshToken } from './refresh-token.ts'

/*
 * The floor of the parts that Keyturn is built of: the same as `bare-http.ts`, by Koa and jose.
 * Arguments: the port.
 */

const port = Number(process.argv[2])
const issuer = `http://127.0.0.1:${port}`
const { privateKey, publicKey } = await generateKeyPair('RS256', { modulusLength: 2048 })
const jwks = JSON.stringify({
  keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }],
})

const app = new Koa()
app.use(async (ctx) => {
  if (ctx.method === 'GET') {
    ctx.type = 'application/json'
    ctx.body = jwks
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(chunk as Buffer)
  const form = new URLSearchParams(Buffer.concat(chunks).toString())
  if (ctx.path === '/oauth/introspect') {
    const { payload } = await jwtVerify(form.get('token') ?? '', publicKey, { issuer, typ: 'at+jwt' })
    ctx.body = { active: true, ...payload }
    return
  }
  if (form.get('grant_type') === 'refresh_token' && !isRefreshToken(form.get('refresh_token') ?? '')) {
    ctx.status = 400
    return
  }
  ctx.body = {
    access_token: await new SignJWT(accessTokenClaims(issuer))
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'one' })
      .sign(privateKey),
    token_type: 'Bearer',
    expires_in: TTL_SECONDS,
    scope: 'read',
    ...(form.get('grant_type') !== 'client_credentials' && { refresh_token: makeRefreshToken() }),
  }
})
app.listen(port, '127.0.0.1')

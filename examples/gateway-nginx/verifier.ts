import { createVerifier, koaBearer } from 'keyturn/resource'
import Koa from 'koa'

const { ISSUER = 'http://localhost:7600', AUDIENCE = 'https://api.example.com', PORT = '8000' } = process.env

const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE })
const app = new Koa()

app.use(async (ctx, next) => {
  await next()
  // Besides these nginx takes any answer for an error of ours; the challenge says what was wrong.
  if (ctx.status === 400) ctx.status = 401
})

app.use(koaBearer(verifier))

/** Whose token it is, as header values. */
app.use((ctx) => {
  const { sub, username, client_id: clientId } = ctx.state['accessToken']
  ctx.set({
    'x-token-subject': encodeURIComponent(sub),
    'x-token-name': encodeURIComponent(username ?? clientId),
  })
  ctx.status = 204
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : PORT}`)
})

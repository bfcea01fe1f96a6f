import { createVerifier, koaBearer } from 'keyturn/resource'
import Koa from 'koa'

const { ISSUER = 'http://localhost:7600', AUDIENCE = 'https://api.example.com', PORT = '8000' } = process.env

/** By whom tokens are, and for whom. It holds Keyturn's keys: one for the whole process. */
const verifier = createVerifier({
  issuer: ISSUER,
  audience: AUDIENCE,
  onKeys: (event) => event.outcome === 'failed' && console.error('the keys cannot be had:', event.error),
})

const app = new Koa()

/** Lets a request past with a good token only; what it says is in `ctx.state.accessToken`. */
app.use(koaBearer(verifier, { scope: 'read' }))

app.use(async (ctx) => {
  if (ctx.path !== '/api/protected/') return
  const { username, client_id: clientId } = ctx.state['accessToken']
  ctx.body = { message: `Hello, ${username ?? clientId}! Your token is valid.` }
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : PORT}`)
})

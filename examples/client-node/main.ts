import { fileStore } from './file-store.ts'
import { openSession, tokensFrom } from './session.ts'

const { ISSUER = 'http://localhost:7600', CLIENT_ID = '', CLIENT_SECRET = '' } = process.env
const { LOGIN = '', PASSWORD = '', API } = process.env
const tokenEndpoint = `${ISSUER}/oauth/token`
const store = fileStore('.session.json')

/** Signs in once; the session is then in the file, and later runs go on with it. */
async function signIn(): Promise<void> {
  const sentAt = Date.now()
  const body = new URLSearchParams({
    grant_type: 'password',
    username: LOGIN,
    password: PASSWORD,
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
  })
  const response = await fetch(tokenEndpoint, { method: 'POST', body })
  if (!response.ok) throw new Error(await response.text())
  await store.save(tokensFrom((await response.json()) as Record<string, unknown>, sentAt))
}

if (!(await store.load())) await signIn()
const session = await openSession({ tokenEndpoint, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, store })

/** Calls the API; a token that it refuses is replaced once. */
async function get(url: string): Promise<Response> {
  const ask = (token: string) => fetch(url, { headers: { authorization: `Bearer ${token}` } })
  const token = await session.accessToken()
  const response = await ask(token)
  return response.status === 401 ? ask(await session.accessToken(token)) : response
}

if (API) console.log(await (await get(API)).text())
else console.log((await session.accessToken()).slice(0, 20), '…')

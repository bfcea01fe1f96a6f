import { type Answer, startApp, type TestApp } from '../support/app.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** What an answer says: its status and its body. */
export const said = ({ status, body }: Answer) => [status, body]

/** A node whose Django-shaped door is open, with a user. */
export async function openAccountDoor(options: Parameters<typeof startApp>[0] = {}) {
  const keyturn = await startApp(options)
  const alice = await keyturn.createUser('alice', { email: 'alice@example.com' })
  await (await keyturn.administration.clients()).enable('django', 'operator')
  return { keyturn, alice, ...requests(keyturn) }
}

/** What is asked of the door. */
function requests(keyturn: TestApp) {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    keyturn.send('POST', `/dj-rest-auth/${path}`, JSON.stringify(body), { ...JSON_TYPE, ...headers })
  const login = (password = keyturn.password, username = 'alice') => post('login/', { username, password })
  const bearer = (access: string) => ({ authorization: `Bearer ${access}` })
  return { post, login, bearer }
}

// A command-line client as people write them against dj-rest-auth with USE_JWT:
//   rest-auth-client.mjs URL login EMAIL PASSWORD | whoami | rename FIRST LAST | logout
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const [url, command, ...rest] = process.argv.slice(2)
const TOKENS = 'tokens.json'
let tokens = existsSync(TOKENS) ? JSON.parse(readFileSync(TOKENS, 'utf8')) : {}

function save(more) {
  tokens = { ...tokens, ...more }
  writeFileSync(TOKENS, JSON.stringify(tokens))
}

async function send(method, path, body) {
  const response = await fetch(`${url}/dj-rest-auth/${path}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      ...(tokens.access && { Authorization: `Bearer ${tokens.access}` }),
    },
    body: body && JSON.stringify(body),
  })
  return { status: response.status, data: await response.json() }
}

async function signedIn(method, path, body) {
  let answer = await send(method, path, body)
  if (answer.status === 401) {
    const { refresh } = tokens
    delete tokens.access
    const renewed = await send('POST', 'token/refresh/', { refresh })
    if (renewed.status !== 200) throw new Error('please log in')
    if (!(new Date(renewed.data.access_expiration) > new Date(0))) throw new Error('no access_expiration')
    save({ access: renewed.data.access, refresh: renewed.data.refresh ?? refresh })
    answer = await send(method, path, body)
  }
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.data))
  return answer.data
}

const commands = {
  async login(email, password) {
    delete tokens.access
    const { status, data } = await send('POST', 'login/', { email, password })
    if (status === 400) throw new Error(Object.values(data).flat().join(' '))
    save({ access: data.access, refresh: data.refresh })
    return `signed in as ${data.user.username}`
  },
  async whoami() {
    const user = await signedIn('GET', 'user/')
    return `${user.username} <${user.email}> ${user.first_name} ${user.last_name}`.trim()
  },
  async rename(first_name, last_name) {
    const user = await signedIn('PATCH', 'user/', { first_name, last_name })
    return `${user.first_name} ${user.last_name}`
  },
  async logout() {
    const { data } = await send('POST', 'logout/', { refresh: tokens.refresh })
    return data.detail
  },
}

try {
  console.log(await commands[command](...rest))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

import { type KeyturnProcess, runKeyturn, startKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'
import { openRedis } from '../support/redis.ts'
import { serverDirectory } from '../support/server-user.ts'

export const PASSWORD = 'correct horse battery staple'

/** A database and a Redis, a sealing key, a user and a client, made on the command line as an operator would. */
export async function deployment(more: Record<string, string> = {}) {
  const { url, database } = await openPostgres()
  const { url: redisUrl } = await openRedis()
  const env = {
    KEYTURN_ISSUER: 'https://id.example.com',
    KEYTURN_DATABASE_URL: url,
    KEYTURN_REDIS_URL: redisUrl,
    ...more,
  }
  const first = await startKeyturnWithKeys(env)
  await command(first, env, ['users', 'create', 'alice', '--password-stdin'], PASSWORD)
  const grants = ['password', 'refresh_token'].flatMap((grant) => ['--grant', grant])
  const created = await command(first, env, [
    'clients',
    'create',
    '--name',
    'app',
    '--first-party',
    ...grants,
    '--scope',
    'read',
    '--json',
  ])
  const { client_id: id, client_secret: secret } = JSON.parse(created) as Record<string, string>
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const token = (node: KeyturnProcess, form: Record<string, string>) => {
    return fetch(`${node.origin}/oauth/token`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams(form),
    })
  }
  const signIn = (node: KeyturnProcess) =>
    token(node, { grant_type: 'password', username: 'alice', password: PASSWORD })
  return { env, database, first, authorization, token, signIn }
}

export async function startKeyturnWithKeys(env: Record<string, string>): Promise<KeyturnProcess> {
  const directory = serverDirectory('deployment')
  await command({ directory }, env, ['keys', 'init'])
  return startKeyturn({ cwd: directory, env })
}

export async function command(
  node: { directory: string },
  env: Record<string, string>,
  args: string[],
  stdin = '',
): Promise<string> {
  const { code, stdout, stderr } = await runKeyturn(args, { cwd: node.directory, env, stdin })
  if (code !== 0) throw new Error(`keyturn ${args.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { readConfig } from '../../src/config.ts'
import { VARIABLE_NAMES } from '../../src/config-variables.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import { recordingLogger } from '../support/logger.ts'
import { startRedis } from '../support/redis-server.ts'
import { afterwards } from '../support/root-hooks.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const COMPOSE = read('compose.yaml')
const DOCKERFILE = read('Dockerfile')

/** `${NAME:-default}` and `${NAME:?message}` as compose reads them, where nothing is set but what must be. */
function interpolate(text: string): string {
  return text.replaceAll(/\$\{\w+:([-?])([^}]*)\}/g, (_, kind, rest) => (kind === '-' ? rest : '5ec4e7'))
}

/** The variables that the container has. */
function containerEnvironment(): Record<string, string> {
  const ofImage = [...DOCKERFILE.matchAll(/\b(KEYTURN_\w+|NODE_ENV)=(\S+)/g)]
  const ofCompose = [...COMPOSE.matchAll(/^ +(KEYTURN_\w+): (.+)$/gm)]
  const pairs = [...ofImage, ...ofCompose].map(([, name = '', value = '']) => [name, interpolate(value)])
  return Object.fromEntries(pairs)
}

describe('compose.yaml', () => {
  it('configures a keyturn that starts: standard mode, reachable from outside its container', () => {
    const environment = containerEnvironment()
    expect(environment).to.include({ NODE_ENV: 'production' })
    expect(readConfig(environment)).to.deep.include({
      mode: 'standard',
      host: '0.0.0.0',
      issuer: 'http://localhost:7600',
      keysDirectory: '/keys',
      demo: false,
    })
  })

  it('names no variable that there is not, in its comments either', () => {
    const named = new Set([...(COMPOSE + DOCKERFILE).matchAll(/\bKEYTURN_[A-Z_]+/g)].map(([name]) => name))
    expect([...named].filter((name) => !(VARIABLE_NAMES as readonly string[]).includes(name))).to.deep.equal(
      [],
    )
    expect(named.size).to.be.greaterThan(4)
  })

  it('runs a Redis that keeps what it is told and evicts nothing', async () => {
    const [, list = ''] = /command: \[redis-server, (.+)\]/.exec(COMPOSE) ?? []
    const server = await startRedis({ arguments: list.split(', ').map((word) => word.replaceAll('"', '')) })
    afterwards(server.stop)
    const redis = connectRedis(server.url, recordingLogger())
    afterwards(async () => redis.disconnect())
    await new Promise((resolve) => redis.once('ready', resolve))
    const settings = ['appendonly', 'appendfsync', 'maxmemory-policy']
    const answers = await Promise.all(settings.map((name) => redis.config('GET', name)))
    expect(answers.map((answer) => (answer as string[])[1])).to.deep.equal(['yes', 'everysec', 'noeviction'])
  })
})

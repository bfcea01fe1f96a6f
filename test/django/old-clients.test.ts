import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { startApp, type TestApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { debianPython } from '../support/debian-python.ts'
import { startGuard } from '../support/guard.ts'
import { afterwards } from '../support/root-hooks.ts'
import { sharedServer } from '../support/shared-servers.ts'

/*
 * The two programs in old-clients/ know simplejwt and dj-rest-auth and nothing of us. They keep their tokens in a file, as
 * command-line clients do.
 */

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython(['python3-requests'])),
  stop: async () => {},
}))

/** An access token has expired by then. */
const ELEVEN_MINUTES_MS = 11 * 60_000

type Ask = (...words: string[]) => Promise<{ code: number | null; said: string }>

function workingDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-old-client-'))
  afterwards(async () => rmSync(directory, { recursive: true }))
  return directory
}

/** Runs one of them, in a directory of its own, against a server. */
async function oldClient(name: string, origin: string): Promise<Ask> {
  const program = fileURLToPath(new URL(`./old-clients/${name}`, import.meta.url))
  const directory = workingDirectory()
  const { program: interpreter, environment } = name.endsWith('.py')
    ? await python()
    : { program: process.execPath, environment: {} }
  const { PATH, HOME } = process.env
  return async (...words) => {
    const running = await startGuard({
      command: interpreter,
      arguments: [program, origin, ...words],
      environment: { PATH, HOME, ...environment },
      directory,
      removeDirectory: false,
      stopSignal: 'TERM',
      user: {},
    })
    const code = await running.ended
    return { code, said: (running.stdout() + running.stderr()).trim() }
  }
}

describe('clients that were written for a Django project', () => {
  let keyturn: TestApp
  let clock: TestClock
  beforeEach(async () => {
    clock = new TestClock(undefined, { autoAdvance: true })
    keyturn = await startApp({ clock })
    await keyturn.createUser('alice', { email: 'alice@example.com' })
    await (await keyturn.administration.clients()).enable('django', 'operator')
  })

  const later = async () => {
    clock.advance(ELEVEN_MINUTES_MS)
    await keyturn.app.reloadKeys()
  }

  it('a requests script for simplejwt signs in, goes on after its access token has expired, and signs out', async () => {
    const ask = await oldClient('simplejwt_client.py', keyturn.origin)
    const hello = { code: 0, said: 'Hello, alice! You are authenticated.' }
    expect(await ask('login', 'alice', 'wrong')).to.deep.equal({
      code: 1,
      said: 'No active account found with the given credentials',
    })
    expect(await ask('login', 'alice', keyturn.password)).to.deep.equal({ code: 0, said: 'signed in' })
    expect(await ask('whoami')).to.deep.equal(hello)
    await later()
    expect(await ask('whoami'), 'after a refresh').to.deep.equal(hello)
    expect(await ask('logout')).to.deep.equal({ code: 0, said: 'signed out' })
    await later()
    expect(await ask('whoami')).to.deep.equal({ code: 1, said: 'please log in' })
  })

  it('a fetch script for dj-rest-auth does the same, and changes what its user is called', async () => {
    const ask = await oldClient('rest-auth-client.mjs', keyturn.origin)
    expect(await ask('login', 'alice@example.com', 'wrong')).to.deep.equal({
      code: 1,
      said: 'Unable to log in with provided credentials.',
    })
    const signedIn = { code: 0, said: 'signed in as alice' }
    expect(await ask('login', 'alice@example.com', keyturn.password)).to.deep.equal(signedIn)
    expect((await ask('whoami')).said).to.equal('alice <alice@example.com>')
    await later()
    expect(await ask('rename', 'Alice', 'Liddell'), 'after a refresh').to.deep.equal({
      code: 0,
      said: 'Alice Liddell',
    })
    expect(await ask('logout')).to.deep.equal({ code: 0, said: 'Successfully logged out.' })
    expect(await ask('whoami')).to.deep.equal({ code: 1, said: 'please log in' })
  })

  it('control: they fail where the door is closed', async () => {
    await (await keyturn.administration.clients()).disable('django', 'operator')
    for (const name of ['simplejwt_client.py', 'rest-auth-client.mjs']) {
      const ask = await oldClient(name, keyturn.origin)
      expect((await ask('login', 'alice', keyturn.password)).code, name).to.equal(1)
    }
  })
})

import { expect } from 'chai'
import { freePort } from '../support/ports.ts'
import { type ContainerOptions, startContainer } from './container.ts'
import { atEnd, becomesReady, ownedDirectory, say, stopwatch } from './surroundings.ts'

/** Without servers, asked for by name. */
export async function checkEmbeddedMode(image: Pick<ContainerOptions, 'root' | 'settings'>): Promise<void> {
  const mounts = { [await ownedDirectory('data')]: '/data', [await ownedDirectory('keys')]: '/keys' }
  const origin = `http://127.0.0.1:${await freePort()}`
  const env = {
    KEYTURN_EMBEDDED: '1',
    KEYTURN_PORT: new URL(origin).port,
    KEYTURN_METRICS_PORT: String(await freePort()),
  }
  const seconds = stopwatch()
  const container = await startContainer({ ...image, env, mounts })
  atEnd(container.stop)
  await becomesReady(container, origin)
  say(`KEYTURN_EMBEDDED=1: /readyz answers 200 after ${seconds()} s, with /data and /keys to write to`)
  const listed = await container.exec(['keyturn', 'users', 'list', '--json'])
  expect(listed.code, listed.stderr).to.equal(0)
  container.signal('SIGTERM')
  expect(await container.ended, container.stderr()).to.equal(0)
  say('its command line reaches it; SIGTERM ends it with 0')
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'chai'

type EndLeftovers = (mark: string, graceMs: number) => Promise<string[]>

const SCRIPT = new URL('../../scripts/leftovers.mjs', import.meta.url).href

describe('npm test', () => {
  it('kills and names what a test has left running, and nothing else', async () => {
    const { endLeftovers } = (await import(SCRIPT)) as { endLeftovers: EndLeftovers }
    const ours = spawn('sleep', ['600'], { env: { ...process.env, KEYTURN_LEFT: 'ours' } })
    const other = spawn('sleep', ['601'], { env: { ...process.env, KEYTURN_LEFT: 'other' } })
    const gone = once(ours, 'exit')

    expect(await endLeftovers('KEYTURN_LEFT=ours', 0)).to.deep.equal(['sleep 600'])
    expect(await gone).to.deep.equal([null, 'SIGKILL'])
    expect(other.exitCode ?? other.signalCode).to.equal(null)

    other.kill()
    await once(other, 'exit')
    expect(await endLeftovers('KEYTURN_LEFT=other', 0)).to.deep.equal([])
  })
})

import { expect } from 'chai'
import { startCluster } from './redis-cluster.ts'
import { startSentinel } from './redis-sentinel.ts'
import { afterwards } from './root-hooks.ts'
import { until } from './until.ts'

describe('Redis topologies of the tests', () => {
  it('Sentinel makes another server the primary when the first is killed, and by request', async () => {
    const running = await startSentinel()
    afterwards(running.stop)
    const first = await running.primary()
    expect(first).to.equal(running.servers[0])
    await first.kill()
    await running.becomesOther(first)
    const second = await running.primary()
    expect(await second.ask('SET', 'a', '1')).to.equal('OK')
    expect(await first.ask('PING').catch((error: Error) => error.message)).to.equal('Connection is closed.')
    await first.restart()
    expect(await first.ask('PING')).to.equal('PONG')
  })

  it('a cluster serves all slots, moves one with its keys, and a replica follows a killed master', async () => {
    const running = await startCluster({ replicas: true })
    afterwards(running.stop)
    const owner = await running.ownerOf('a')
    await owner.ask('SET', 'a', '1')
    let during: unknown
    await running.migrateSlotOf('a', async () => {
      during = await owner.ask('GET', 'a').catch((error: Error) => error.message)
    })
    const next = await running.ownerOf('a')
    expect(during).to.match(/^ASK /)
    expect(next).not.to.equal(owner)
    expect(await next.ask('GET', 'a')).to.equal('1')
    await next.kill()
    await until(async () => (await running.ownerOf('a')) !== next)
    await running.becomesOk()
    const { masters, replicas } = running
    expect(await running.ownerOf('a')).to.equal(replicas[masters.indexOf(next)])
  })
})

import { generateKeyPairSync, sign } from 'node:crypto'

/*
 * The unit of measurement: one RSA-2048 signature over as many bytes as an access token has, by Node's own call, with
 * nothing around it. A process of its own, on the cores that the servers have.
 */

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
/** The size of header and claims of an access token. */
const INPUT = Buffer.alloc(560, 'a')
const BATCH = 20

process.on('message', (milliseconds: number) => {
  const until = performance.now() + milliseconds
  const before = process.cpuUsage()
  let signatures = 0
  for (; performance.now() < until; signatures += BATCH) {
    for (let left = BATCH; left > 0; left--) sign('sha256', INPUT, privateKey)
  }
  const { user, system } = process.cpuUsage(before)
  process.send?.((user + system) / 1000 / signatures)
})
process.on('disconnect', () => process.exit())

import { listenControl } from '../../src/control/control-server.ts'

/** A process that listens on the socket it is given, and tells when it does and when `hang` was asked of it. */
await listenControl(process.argv[2] ?? '', {
  hang: () => {
    process.send?.('hanging')
    return new Promise(() => {})
  },
})
process.on('disconnect', () => process.exit())
process.send?.('listening')

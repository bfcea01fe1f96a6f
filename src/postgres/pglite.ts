import { PGlite } from '@electric-sql/pglite'
import type { ConnectionSettings } from './database.ts'
import { type Backend, PgliteConnection } from './pglite-connection.ts'

/** The major version of the PostgreSQL that PGlite is; a data directory belongs to one. */
export const PGLITE_POSTGRES_MAJOR = 18

/** PostgreSQL in this process: the same driver, SQL and types as with a server, without a port. */
export interface EmbeddedPostgres {
  /** For `openDatabase` and `migrate`. One connection at a time: a second one waits until the first has ended. */
  readonly settings: ConnectionSettings
  /** The data directory as a gzipped tar, for `seed`. No transaction may be open. */
  dump(): Promise<Buffer>
  /** Shuts PostgreSQL down cleanly; connections that are still open break. */
  close(): Promise<void>
}

/**
 * How long a query waits for the one connection, in milliseconds. Without a bound a query beside an open transaction,
 * which is a mistake of ours, would hang for ever instead of being reported.
 */
const CONNECT_TIMEOUT_MS = 20_000

/**
 * PostgreSQL's own cache, outside the heap of JavaScript. Its default of 128 MB is touched page by page and never given
 * back, for a database that is a few MB large.
 */
const SHARED_BUFFERS = '16MB'

/** Wire messages, PostgreSQL manual "Message Formats". Sync first: after an error all else is skipped until it. */
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])
const RESET = Buffer.concat([SYNC, query('ROLLBACK'), query('DISCARD ALL')])

/**
 * Starts PGlite.
 *
 * Two processes on one directory overwrite each other silently: the caller holds a lock on it.
 * @param directory where the data lives; it is made when missing (its parent must exist). Left out: in memory
 * @param seed what `dump` returned, to fill a directory that is new (seconds faster than making one)
 * @throws Error when the directory cannot be used, or is not new although a seed is given
 */
export async function openPglite({
  directory,
  seed,
}: {
  directory?: string
  seed?: Buffer
}): Promise<EmbeddedPostgres> {
  // What PostgreSQL logs while it starts; after that, its log is a copy of the errors that queries get.
  const log: string[] = []
  let starting = true
  const engine = await PGlite.create({
    ...(directory === undefined ? {} : { dataDir: directory }),
    ...(seed === undefined
      ? {}
      : { loadDataDir: new Blob([new Uint8Array(seed)], { type: 'application/gzip' }) }),
    startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`],
    relaxedDurability: false,
    onStderr: (line) => {
      if (starting) log.push(line)
      return false
    },
  }).catch((cause: Error) => {
    throw new Error([cause.message, ...log].join('\n'), { cause })
  })
  starting = false
  const connections = new Set<PgliteConnection>()
  const backend = makeBackend(engine)

  return {
    settings: {
      stream: () => {
        const connection = new PgliteConnection(backend)
        connections.add(connection)
        return connection.once('close', () => connections.delete(connection))
      },
      // Everything that the driver would otherwise take from PG… variables meant for another server.
      host: 'pglite',
      user: 'postgres',
      database: 'postgres',
      password: '',
      ssl: false,
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    },
    async dump() {
      // So that whoever starts from it has no log to replay.
      await backend.run(query('CHECKPOINT'))
      const tar = await engine.dumpDataDir('gzip')
      return Buffer.from(await tar.arrayBuffer())
    },
    async close() {
      backend.stop('PGlite is closed')
      for (const connection of connections) connection.destroy()
      await engine.close()
    },
  }
}

function makeBackend(engine: PGlite): Backend & { stop(reason: string): void } {
  let stopped: Error | undefined
  let last: Promise<void> = Promise.resolve()

  async function run(messages: Buffer): Promise<Buffer> {
    if (stopped !== undefined) throw stopped
    const answer: Buffer[] = []
    try {
      // Only the streaming call will do: the others keep every message they ever parsed.
      await engine.execProtocolRawStream(messages, {
        // Copied, because the piece is a view of the engine's memory, overwritten by the next one.
        onRawData: (piece) => answer.push(Buffer.from(piece)),
      })
    } catch (error) {
      stopped ??= new Error('PGlite broke', { cause: error })
      throw stopped
    }
    return Buffer.concat(answer)
  }

  return {
    run,
    stop(reason) {
      stopped ??= new Error(reason)
    },
    async acquire() {
      const earlier = last
      let release = () => {}
      last = new Promise((resolve) => {
        release = resolve
      })
      await earlier
      try {
        await run(RESET)
        return { release }
      } catch (error) {
        release()
        throw error
      }
    },
  }
}

function query(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`)
  const length = Buffer.alloc(4)
  length.writeInt32BE(text.length + 4)
  return Buffer.concat([Buffer.from('Q'), length, text])
}

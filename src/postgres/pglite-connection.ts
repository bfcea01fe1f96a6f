import { Duplex } from 'node:stream'

/** The one backend of a PGlite engine, as its connections see it. */
export interface Backend {
  /**
   * Waits until no other connection uses the backend, then hands it over clean: nothing of an earlier connection is
   * left in it. The caller gives it back with `release`.
   */
  acquire(): Promise<{ release: () => void }>
  /**
   * Runs whole frontend messages and returns the bytes that the backend sent.
   * @throws Error when the engine broke; it answers nothing from then on
   */
  run(messages: Buffer): Promise<Buffer>
}

/** Untyped first messages carry one of these codes (PostgreSQL manual, "Message Formats"). */
const SSL_REQUEST = 80_877_103
const GSS_REQUEST = 80_877_104
const CANCEL_REQUEST = 80_877_102
const TERMINATE = 'X'.charCodeAt(0)
const NO_ENCRYPTION = Buffer.from('N')

/**
 * One connection to PGlite, in the shape of a socket: what `pg` writes is cut into the wire protocol's messages and
 * run; what the backend sends can be read. A broken engine breaks the connection (ECONNRESET), so that the driver
 * reports an outage.
 */
export class PgliteConnection extends Duplex {
  readonly #backend: Backend
  #pending: Buffer = Buffer.alloc(0)
  #session: { release: () => void } | undefined
  #busy = false
  #onDemand: (() => void) | undefined

  constructor(backend: Backend) {
    super({ allowHalfOpen: false })
    this.#backend = backend
  }

  /** What `pg` calls on a socket. There is no wire, so all of it but the event is nothing. */
  connect(): this {
    process.nextTick(() => this.emit('connect'))
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#take([chunk]).then(
      () => done(),
      (error: unknown) => done(asReset(error)),
    )
  }

  /** `pg` corks the messages of one query: run together, they cost the engine one call. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#take(chunks.map(({ chunk }) => chunk)).then(
      () => done(),
      (error: unknown) => done(asReset(error)),
    )
  }

  override _read(): void {
    this.#onDemand?.()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#onDemand?.()
    if (!this.#busy) this.#leave()
    done(error)
  }

  async #take(chunks: readonly Buffer[]): Promise<void> {
    this.#pending = Buffer.concat([this.#pending, ...chunks])
    this.#busy = true
    try {
      while (!this.destroyed && (await this.#step())) {
        // The next part of what is pending.
      }
    } finally {
      this.#busy = false
      if (this.destroyed) this.#leave()
    }
  }

  /** Does one thing with what is pending: the start, or all whole messages. False when more must arrive first. */
  async #step(): Promise<boolean> {
    if (this.#session === undefined) return this.#start()
    const { length, terminates } = wholeMessages(this.#pending)
    const messages = this.#pending.subarray(0, length)
    this.#pending = this.#pending.subarray(length)
    if (messages.length > 0) await this.#send(await this.#backend.run(messages))
    if (terminates) {
      this.#leave()
      this.push(null)
    }
    return false
  }

  async #start(): Promise<boolean> {
    if (this.#pending.length < 8) return false
    const length = this.#pending.readInt32BE(0)
    const code = this.#pending.readInt32BE(4)
    if (length < 8) throw new Error('malformed startup message')
    if (this.#pending.length < length) return false
    const message = this.#pending.subarray(0, length)
    this.#pending = this.#pending.subarray(length)

    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      await this.#send(NO_ENCRYPTION)
    } else if (code === CANCEL_REQUEST) {
      // One thread: whatever was to be cancelled has ended.
      this.push(null)
      return false
    } else {
      this.#session = await this.#backend.acquire()
      if (!this.destroyed) await this.#send(await this.#backend.run(message))
    }
    return true
  }

  /** Resolves once the reader wants more, so that a slow reader holds the writer back. */
  async #send(bytes: Buffer): Promise<void> {
    if (bytes.length === 0 || this.destroyed || this.push(bytes)) return
    await new Promise<void>((resolve) => {
      this.#onDemand = resolve
    })
    this.#onDemand = undefined
  }

  #leave(): void {
    this.#session?.release()
    this.#session = undefined
  }
}

/** How many bytes at the start are whole messages before a Terminate, and whether one follows them. */
function wholeMessages(bytes: Buffer): { length: number; terminates: boolean } {
  let end = 0
  while (bytes.length - end >= 5) {
    const length = bytes.readInt32BE(end + 1)
    if (length < 4) throw new Error('malformed message')
    if (bytes[end] === TERMINATE) return { length: end, terminates: true }
    if (bytes.length - end < length + 1) break
    end += length + 1
  }
  return { length: end, terminates: false }
}

/** As a socket reports a peer that went away. */
function asReset(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error)
  return Object.assign(new Error(message, { cause: error }), { code: 'ECONNRESET' })
}

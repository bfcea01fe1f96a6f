import { createHash, randomBytes } from 'node:crypto'
import { open } from '../crypto/envelope.ts'
import type { Logger } from '../telemetry/logger.ts'

const KEY_BYTES = 32
/** 32 bytes in base64url; the last character carries four bits, so only one spelling of each key is right. */
const LINE_TEXT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
/** Enough to tell keys apart; says nothing about the key. */
const FINGERPRINT_LENGTH = 8
/** More lines than anybody changes keys at once; whatever has more is another file. */
const MAX_LINES = 16

/** One line of the sealing key: 32 bytes that seal and open. */
export interface SealingKeyLine {
  readonly bytes: Buffer
  /** Names the line in messages, and in the rows that it sealed. */
  readonly fingerprint: string
}

/** All lines, the first one first. */
export type SealingKeyLines = readonly [SealingKeyLine, ...SealingKeyLine[]]

/**
 * The key-encryption key: it seals every private and symmetric key, and is never in the database. It has one line, and
 * several while an operator changes it: all of them open, so that no node is left behind on the way.
 */
export interface SealingKey {
  /**
   * The lines that were read last, then those held before: a running process forgets none, so that a wrong or an empty
   * file does it no harm. The same array for as long as nothing else has been read.
   */
  lines(): SealingKeyLines
  /** Of the lines that were read last. */
  readonly fingerprints: readonly string[]
  /** Of the first line. */
  readonly fingerprint: string
  /**
   * Opens what any of the lines has sealed, and says which.
   * @throws Error when none of them has, the context is another one, or a single bit has changed
   */
  open(sealed: Uint8Array, context: string): { readonly opened: Buffer; readonly line: SealingKeyLine }
  /** Whether any line opens it. */
  opens(sealed: Uint8Array, context: string): boolean
  /**
   * Reads the lines again where they came from. When that fails, it is logged, and the ones held before stay.
   * @param occasion `unopened`: something stored does not open; `routine`: what is costly to read is left alone for longer
   */
  reread(occasion: 'unopened' | 'routine'): Promise<void>
  /**
   * The same, for an operator who waits for it.
   * @throws SealingKeyProblem; the ones held before stay
   */
  requireReread(): Promise<void>
}

/** The sealing key is missing, malformed, unreadable or the wrong one. A configuration mistake: commands exit 78. */
export class SealingKeyProblem extends Error {
  readonly kind: 'missing' | 'unreadable' | 'malformed' | 'wrong'

  constructor(kind: SealingKeyProblem['kind'], message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'SealingKeyProblem'
    this.kind = kind
  }
}

/** A sealing key that stays as it is. */
export function sealingKey(first: Buffer, ...others: Buffer[]): SealingKey {
  return holdSealingKey([lineOf(first), ...others.map(lineOf)])
}

/**
 * A sealing key that can be read again.
 * @param options.read reads all lines; left out where there is nothing to read
 * @param options.isDue whether it is time to, for the occasion
 */
export function holdSealingKey(
  held: SealingKeyLines,
  {
    read,
    isDue = () => true,
    logger,
  }: {
    read?: () => Promise<SealingKeyLines>
    isDue?: (occasion: 'unopened' | 'routine') => boolean
    logger?: Logger
  } = {},
): SealingKey {
  let lines = held
  let found = held
  let reading: Promise<void> | undefined

  function readAgain(): Promise<void> {
    reading ??= readOnce().finally(() => {
      reading = undefined
    })
    return reading
  }

  async function readOnce(): Promise<void> {
    const before = fingerprintsOf(found)
    found = (await read?.()) ?? found
    if (fingerprintsOf(found) === before) return
    const isElsewhere = ({ fingerprint }: SealingKeyLine) =>
      found.every((line) => line.fingerprint !== fingerprint)
    lines = [...found, ...lines.filter(isElsewhere)]
    logger?.info({ sealing_keys: fingerprintsOf(found) }, 'the sealing key has other lines now')
  }

  return {
    lines: () => lines,
    get fingerprint() {
      return lines[0].fingerprint
    },
    get fingerprints() {
      return found.map(({ fingerprint }) => fingerprint)
    },
    open: (sealed, context) => openWith(lines, sealed, context),
    opens: (sealed, context) => opensWith(lines, sealed, context),
    async reread(occasion) {
      if (!isDue(occasion)) return
      await readAgain().catch((error: unknown) => {
        logger?.warn({ err: error }, 'the sealing key was not read again: the lines held before stay in use')
      })
    },
    requireReread: readAgain,
  }
}

/** A new random line. */
export function newSealingKeyLine(): SealingKeyLine {
  return lineOf(randomBytes(KEY_BYTES))
}

/** As it is written, in a file and by a command. */
export function printLine(line: SealingKeyLine): string {
  return `${line.bytes.toString('base64url')}\n`
}

/**
 * The lines in a text: a key each, in base64url. Empty ones at the end do not count.
 * @param where it was found, for the message, which shows nothing of the text
 * @throws SealingKeyProblem `malformed`
 */
export function parseLines(text: string, where: string): SealingKeyLines {
  const texts = text.trim().split(/\r?\n/)
  const wrong = texts.findIndex((line) => !LINE_TEXT.test(line))
  const [first, ...others] = texts.map((line) => lineOf(Buffer.from(line, 'base64url')))
  const which = texts.length > 1 ? ` (line ${wrong + 1})` : ''
  if (first === undefined || wrong >= 0 || texts.length > MAX_LINES) {
    throw new SealingKeyProblem(
      'malformed',
      `${where} is not a sealing key${which}: each line must be ${KEY_BYTES} bytes in base64url, as keyturn keys init ` +
        `writes them, and there may be ${MAX_LINES} of them`,
    )
  }
  if (new Set(texts).size < texts.length) {
    throw new SealingKeyProblem('malformed', `${where} has the same line twice: remove one of them`)
  }
  return [first, ...others]
}

/** There are sealed keys, and `key` opens none of them. */
export function wrongSealingKey(
  key: SealingKey,
  sealedWith: readonly (string | null)[] = [],
): SealingKeyProblem {
  const names = [...new Set(sealedWith.filter((name) => name !== null))]
  const wanted = names.length > 0 ? ` (fingerprint ${names.join(', ')})` : ''
  return new SealingKeyProblem(
    'wrong',
    `the sealing key (fingerprint ${fingerprintsOf(key.lines())}) opens none of the keys in the database: mount the ` +
      `sealing.key that they were sealed with${wanted}`,
  )
}

/** All fingerprints, for a message. */
export function fingerprintsOf(lines: SealingKeyLines): string {
  return lines.map(({ fingerprint }) => fingerprint).join(', ')
}

/** @throws Error when none of the lines opens it */
export function openWith(lines: readonly SealingKeyLine[], sealed: Uint8Array, context: string) {
  let failure: unknown
  for (const line of lines) {
    try {
      return { opened: open(line.bytes, sealed, context), line }
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/** Whether any of the lines opens it. */
export function opensWith(lines: readonly SealingKeyLine[], sealed: Uint8Array, context: string): boolean {
  try {
    openWith(lines, sealed, context).opened.fill(0)
    return true
  } catch {
    return false
  }
}

function lineOf(bytes: Buffer): SealingKeyLine {
  const fingerprint = createHash('sha256').update('keyturn sealing key').update(bytes).digest('hex')
  return { bytes, fingerprint: fingerprint.slice(0, FINGERPRINT_LENGTH) }
}

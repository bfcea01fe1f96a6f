import { createHmac } from 'node:crypto'

/** What a row says, each column as the database writes it: text is the same on every platform. */
export interface AuditRow {
  readonly id: string
  readonly monthSlot: string
  /** UTC, ISO 8601 without a zone, to the microsecond. */
  readonly at: string
  readonly event: string
  readonly actor: string
  readonly userId: string | null
  readonly clientId: string | null
  readonly requestId: string | null
  readonly address: string | null
  readonly details: string
}

/** A row with its place in the chain. */
export interface ChainedRow extends AuditRow {
  /** From 1, without gaps: the order in which rows were chained. */
  readonly position: string
  readonly keyVersion: string
  readonly mac: Buffer
}

/** A point of the chain: all that lies before it is fixed by it. */
export interface ChainPoint {
  readonly position: number
  /** 32 bytes. */
  readonly mac: Buffer
}

/** One version of the key of the chain. */
export interface ChainKey {
  readonly version: number
  readonly key: Buffer
}

/** What the first row follows. */
export const CHAIN_START: ChainPoint = { position: 0, mac: Buffer.alloc(32) }

const ROW = Buffer.from('keyturn audit row 1\0')
const FLOOR = Buffer.from('keyturn audit floor 1\0')

/**
 * The MAC of a row at a position: HMAC-SHA-256 over what it is for, the MAC of the row before it, and every column. Whoever
 * writes to the database without the key can make none, so each change, gap and exchange shows (docs/audit.md).
 */
export function rowMac(
  key: Buffer,
  previous: Buffer,
  row: AuditRow & { position: string; keyVersion: string },
): Buffer {
  const columns = [
    row.position,
    row.keyVersion,
    row.id,
    row.monthSlot,
    row.at,
    row.event,
    row.actor,
    row.userId,
    row.clientId,
    row.requestId,
    row.address,
    row.details,
  ]
  const parts = [previous, ...columns].map(framed)
  return createHmac('sha256', key)
    .update(Buffer.concat([ROW, ...parts]))
    .digest()
}

/**
 * Vouches for a floor: all rows up to this point, and no others, were removed because they were old. Without the key
 * nobody can make a removal of their own look like one of ours.
 */
export function floorSeal(key: Buffer, floor: ChainPoint): Buffer {
  const parts = [floor.mac, String(floor.position)].map(framed)
  return createHmac('sha256', key)
    .update(Buffer.concat([FLOOR, ...parts]))
    .digest()
}

/** Links rows, in their order, to the end of the chain. */
export function linkRows(key: ChainKey, head: ChainPoint, rows: readonly AuditRow[]): ChainedRow[] {
  let { position, mac } = head
  return rows.map((row) => {
    position += 1
    const placed = { ...row, position: String(position), keyVersion: String(key.version) }
    mac = rowMac(key.key, mac, placed)
    return { ...placed, mac }
  })
}

/** One byte that says whether there is a value, its length in four, its bytes: two lists never have the same bytes. */
function framed(value: string | Buffer | null): Buffer {
  if (value === null) return Buffer.of(0)
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  const prefix = Buffer.alloc(5)
  prefix.writeUInt8(1, 0)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

/** A point as people note it down: `position:mac`, the mac in hexadecimal digits. */
export function writePoint({ position, mac }: ChainPoint): string {
  return `${position}:${mac.toString('hex')}`
}

/** Reads what `writePoint` wrote; undefined when it is no such thing. */
export function readPoint(text: string): ChainPoint | undefined {
  const match = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text)
  if (!match) return undefined
  return { position: Number(match[1]), mac: Buffer.from(match[2] ?? '', 'hex') }
}

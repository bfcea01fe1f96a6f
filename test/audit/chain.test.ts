import { expect } from 'chai'
import {
  type AuditRow,
  CHAIN_START,
  floorSeal,
  linkRows,
  readPoint,
  rowMac,
  writePoint,
} from '../../src/audit/chain.ts'

const KEY = { version: 3, key: Buffer.from(Array.from({ length: 32 }, (_, index) => index)) }
const ROW: AuditRow = {
  id: '42',
  monthSlot: '9',
  at: '2026-01-02T03:04:05.678901',
  event: 'family.ended',
  actor: 'client:shop',
  userId: '7',
  clientId: null,
  requestId: '',
  address: '192.0.2.1',
  details: '{"reason": "größer"}',
}
const PLACED = { ...ROW, position: '1', keyVersion: '3' }

describe('the chain of audit rows', () => {
  it('known answers: what is in the record must verify for ever', () => {
    // Computed independently: HMAC-SHA-256 over "keyturn audit row 1\0", then the mac before and each column, framed as
    // 01 ‖ length (4 bytes) ‖ UTF-8, or 00 for null.
    expect(rowMac(KEY.key, CHAIN_START.mac, PLACED).toString('hex')).to.equal(
      '30c80f1f6df3f589e9d22fae55cab54b7505e5dba666cad2d9f4e7902d2e3c57',
    )
    const [first, second] = linkRows(KEY, CHAIN_START, [ROW, { ...ROW, id: '43' }])
    expect(first?.mac.toString('hex')).to.equal(
      '30c80f1f6df3f589e9d22fae55cab54b7505e5dba666cad2d9f4e7902d2e3c57',
    )
    expect(second).to.include({ position: '2', keyVersion: '3', id: '43' })
    expect(second?.mac.toString('hex')).to.equal(
      '65a480ab46c14ffeba31a36945855d0132897f9de5b02cc28b8660a04ba92ade',
    )
    expect(floorSeal(KEY.key, { position: 17, mac: Buffer.alloc(32, 0xab) }).toString('hex')).to.equal(
      'e99caff2b52a1a237dc345a6028cd397f26816b58c95d4ee7ce46570e45a57be',
    )
  })

  it('no two rows have the same bytes: every column counts, and so does where one ends', () => {
    const others: Partial<typeof PLACED>[] = [
      ...Object.keys(PLACED).map((column) => ({ [column]: 'x' })),
      { clientId: '' },
      { requestId: null },
      { event: 'family.endedclient:', actor: 'shop' },
      { userId: null, clientId: '7' },
      { requestId: '192.0.2.1', address: '' },
    ]
    const macs = [{}, ...others].map((other) =>
      rowMac(KEY.key, CHAIN_START.mac, { ...PLACED, ...other }).toString('hex'),
    )
    expect(new Set(macs).size).to.equal(1 + others.length)
  })

  it('another key or another predecessor gives another mac', () => {
    const mac = rowMac(KEY.key, CHAIN_START.mac, PLACED)
    expect(rowMac(Buffer.alloc(32, 1), CHAIN_START.mac, PLACED).equals(mac)).to.equal(false)
    expect(rowMac(KEY.key, mac, PLACED).equals(mac)).to.equal(false)
  })

  it('a head is read as it was written, and nothing else is', () => {
    const point = { position: 17, mac: Buffer.alloc(32, 0xab) }
    expect(readPoint(writePoint(point))).to.deep.equal(point)
    for (const text of [
      '',
      '17',
      '17:',
      `17:${'ab'.repeat(31)}`,
      `x:${'ab'.repeat(32)}`,
      `17:${'ab'.repeat(32)} `,
    ]) {
      expect(readPoint(text), text).to.equal(undefined)
    }
  })
})

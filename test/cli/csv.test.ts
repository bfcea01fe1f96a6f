import { expect } from 'chai'
import fc from 'fast-check'
import { readCsv } from '../../src/cli/csv.ts'
import { Misuse } from '../../src/cli/outcome.ts'

const rows = (text: string) => [...readCsv(text)].map(({ line, cells }) => [line, ...cells])

describe('CSV', () => {
  const CASES: [text: string, rows: unknown[][]][] = [
    ['', []],
    ['\n\r\n\n', []],
    ['a', [[1, 'a']]],
    ['a,b\n', [[1, 'a', 'b']]],
    [
      'a,b\r\nc,d',
      [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
      ],
    ],
    [
      'a,\n,b\n',
      [
        [1, 'a', ''],
        [2, '', 'b'],
      ],
    ],
    ['a,', [[1, 'a', '']]],
    ['""', []],
    [
      '"a,""b""","c\n\nd"\ne,f',
      [
        [1, 'a,"b"', 'c\n\nd'],
        [4, 'e', 'f'],
      ],
    ],
    [
      'a\n\n"b"\rc',
      [
        [1, 'a'],
        [3, 'b'],
        [4, 'c'],
      ],
    ],
    ['é,🔑 ,  x', [[1, 'é', '🔑 ', '  x']]],
  ]
  for (const [text, expected] of CASES) {
    it(`reads ${JSON.stringify(text)}`, () => {
      expect(rows(text)).to.deep.equal(expected)
    })
  }

  for (const [text, line] of [
    ['"a', 1],
    ['a\n"b"c', 2],
    ['a\nb"c', 2],
    [`a\n"${'x'.repeat(5_000_000)}`, 2],
  ] as const) {
    it(`says on which line a quote is missing or out of place: ${JSON.stringify(text.slice(0, 10))}`, () => {
      expect(() => rows(text)).to.throw(Misuse, `line ${line} `)
    })
  }

  it('gives back whatever was written', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é', '🔑'), maxLength: 6 })
    const written = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 4 })
    fc.assert(
      fc.property(written, fc.constantFrom('\n', '\r\n'), (table, end) => {
        const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
        const text = table.map((row) => row.map(quote).join(',') + end).join('')
        expect([...readCsv(text)].map(({ cells }) => cells)).to.deep.equal(table)
      }),
    )
  })
})

import { expect } from 'chai'
import { secretFrom } from '../../src/cli/input.ts'
import { Misuse } from '../../src/cli/outcome.ts'

describe('a secret on stdin', () => {
  for (const [what, text, expected] of [
    ['loses the line break at its end', 'pass word\n', 'pass word'],
    ['loses that of Windows', 'pass word\r\n', 'pass word'],
    ['loses only one', 'pass word\n\n', 'pass word\n'],
    ['keeps those within', 'one\ntwo', 'one\ntwo'],
    ['keeps its spaces', '  pass word  ', '  pass word  '],
    ['keeps every other character', 'pä$$ w"ör\td \'1😀', 'pä$$ w"ör\td \'1😀'],
    ['may be a single line break followed by one', '\n\n', '\n'],
  ] as const) {
    it(what, () => {
      expect(secretFrom(Buffer.from(text))).to.equal(expected)
    })
  }

  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['an empty line', Buffer.from('\n')],
    [
      'bytes that are no UTF-8, which would be stored as others than were typed',
      Buffer.from('p\xE4ss', 'latin1'),
    ],
  ] as const) {
    it(`is refused when it is ${what}`, () => {
      expect(() => secretFrom(bytes)).to.throw(Misuse)
    })
  }
})

import { expect } from 'chai'
import fc from 'fast-check'
import { Refusal } from '../../src/refusal.ts'
import {
  checkEmail,
  checkUsername,
  isPossibleIdentifier,
  normalizeIdentifier,
} from '../../src/users/identifier.ts'

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
  return 'allowed'
}

/** Any code point but the halves of surrogate pairs, the first thousand more often. */
const character = fc
  .oneof(fc.integer({ min: 0, max: 0x3ff }), fc.integer({ min: 0, max: 0x10ffff }))
  .filter((point) => point < 0xd800 || point > 0xdfff)
  .map((point) => String.fromCodePoint(point))

describe('the normal form of an identifier', () => {
  const twins: [what: string, one: string, other: string][] = [
    ['case', 'Alice', 'aLICE'],
    ['full-width letters', 'ａｌｉｃｅ', 'alice'],
    ['a composed and a decomposed letter', 'ren\u00e9', 'rene\u0301'],
    ['a ligature', 'e\ufb03cient', 'efficient'],
    ['a sharp s', 'straße', 'STRASSE'],
    ['the capital sharp s', 'STRA\u1e9eE', 'strasse'],
    ['the long s', '\u017fam', 'sam'],
    ['the Kelvin sign', '\u212aate', 'kate'],
    ['the dotted capital I of Turkish', '\u0130van', 'ivan'],
    ['the same one decomposed', 'I\u0307van', 'ivan'],
    ['the dotless i of Turkish', '\u0131van', 'ivan'],
    ['the final sigma', 'ΟΔΟΣ', 'οδοσ'],
    ['superscripts', 'x²', 'x2'],
  ]
  for (const [what, one, other] of twins) {
    it(`S-109 is one for ${what}`, () => {
      expect(normalizeIdentifier(one)).to.equal(normalizeIdentifier(other))
    })
  }

  it('S-109 keeps apart what is apart', () => {
    const names = [
      'alice',
      'alicé',
      'a1ice',
      'alice_',
      'alice.',
      'али',
      'アリス',
      'アリズ',
      '%',
      '_',
      'al%',
      'al_',
    ]
    expect(new Set(names.map(normalizeIdentifier)).size).to.equal(names.length)
  })

  it('S-109 is its own normal form, for every character there is', () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue
      const normal = normalizeIdentifier(String.fromCodePoint(point))
      // Not `expect`, a million times: it would take ten times as long.
      if (normalizeIdentifier(normal) !== normal) expect.fail(`U+${point.toString(16)}`)
    }
  })

  it('S-109 is its own normal form, and the same for every case, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 8 }), (text) => {
        const normal = normalizeIdentifier(text)
        expect(normalizeIdentifier(normal)).to.equal(normal)
        expect(normalizeIdentifier(text.normalize('NFD')), 'NFD').to.equal(normal)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a username', () => {
  const invisible: [what: string, text: string][] = [
    ['NUL', '\0'],
    ['a line end', '\n'],
    ['a change of direction', '\u202e'],
    ['a zero-width space', '\u200b'],
    ['a zero-width joiner', '\u200d'],
    ['a byte order mark', '\ufeff'],
    ['a soft hyphen', '\u00ad'],
    ['a variation selector', '\ufe0f'],
    ['a supplementary variation selector', '\u{e0101}'],
    ['a grapheme joiner', '\u034f'],
    ['a Hangul filler, which counts as a letter', '\u3164'],
    ['a half-width Hangul filler', '\uffa0'],
    ['a tag character', '\u{e0041}'],
    ['a private character', '\ue000'],
    ['half of a surrogate pair', '\ud800'],
    ['a space', ' '],
    ['a no-break space', '\u00a0'],
  ]
  for (const [what, text] of invisible) {
    it(`S-109 with ${what} is refused, wherever it stands`, () => {
      for (const name of [`alice${text}`, `${text}alice`, `al${text}ice`, text]) {
        expect(refusal(() => checkUsername(name))).to.equal('username_invalid')
      }
    })
  }

  it('S-109 of mixed look-alike scripts is refused', () => {
    for (const name of ['p\u0430ypal', 'αlice', 'аlphа', '\uff50\u0430']) {
      expect(
        refusal(() => checkUsername(name)),
        name,
      ).to.equal('username_mixed')
    }
  })

  it('may be in any one script, with digits and the punctuation that Django allows', () => {
    for (const name of [
      'alice',
      'Алиса',
      'Ἀλίκη',
      '愛麗絲',
      'アリス2',
      'אליס',
      'आलिया',
      'a.b@c+d-e_f',
      '1',
    ]) {
      expect(
        refusal(() => checkUsername(name)),
        name,
      ).to.equal('allowed')
    }
  })

  it('with other punctuation is refused', () => {
    for (const name of ['a%', "a'", 'a"', 'a;b', 'a/b', 'a\\b', 'a:b', '<a>', 'a,b', 'a*', '½😀', '😀', '']) {
      expect(
        refusal(() => checkUsername(name)),
        name,
      ).to.equal('username_invalid')
    }
  })

  it('S-109 has at most 254 bytes, in its normal form too', () => {
    expect(refusal(() => checkUsername('a'.repeat(254)))).to.equal('allowed')
    expect(refusal(() => checkUsername('a'.repeat(255)))).to.equal('username_invalid')
    expect(refusal(() => checkUsername('é'.repeat(127)))).to.equal('allowed')
    expect(refusal(() => checkUsername('é'.repeat(128)))).to.equal('username_invalid')
    expect(refusal(() => checkUsername('x'.repeat(10_240)))).to.equal('username_invalid')
    // Three bytes each, and thirty-three in the normal form.
    expect(refusal(() => checkUsername('\ufdfa'.repeat(84)))).to.equal('username_invalid')
  })

  it('that is allowed can sign in: whatever may be stored may be presented', () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 8 }), (name) => {
        if (refusal(() => checkUsername(name)) !== 'allowed') return
        expect(isPossibleIdentifier(name)).to.equal(true)
        expect(isPossibleIdentifier(normalizeIdentifier(name))).to.equal(true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('an e-mail address', () => {
  it('that is blank is none', () => {
    for (const blank of [undefined, null, '', ' ', '\t\n']) expect(checkEmail(blank)).to.equal(null)
  })

  it('is kept as it was written, without the space around it', () => {
    expect(checkEmail(' Alice.B+x@Example.com ')).to.equal('Alice.B+x@Example.com')
  })

  it('that could not be one, or hides something, is refused', () => {
    const values = [
      'alice',
      '@',
      'a@',
      '@b',
      'a b@c',
      'a@b@c',
      'a@b\0',
      'a\u200b@b',
      'a\ufe0f@b',
      'a@b\u202e',
      'a\n@b',
    ]
    for (const value of [...values, `${'a'.repeat(250)}@b.cd`]) {
      expect(
        refusal(() => checkEmail(value)),
        JSON.stringify(value),
      ).to.equal('email_invalid')
    }
  })
})

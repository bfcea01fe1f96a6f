import { expect } from 'chai'
import { checkNewPassword, isPossiblePassword } from '../../src/passwords/password-rules.ts'
import { Refusal } from '../../src/refusal.ts'

function refusalOf(password: string): string | undefined {
  try {
    checkNewPassword(password)
    return undefined
  } catch (error) {
    expect(error)
      .to.be.instanceOf(Refusal)
      .with.property('message')
      .that.does.not.contain(password.slice(0, 7) || '∅')
    return (error as Refusal).code
  }
}

describe('the rules for passwords', () => {
  it('S-108 eight characters up to 1024 bytes may be set, of whatever kind', () => {
    for (const password of [
      'aaaaaaaa',
      '        ',
      ' leading',
      '🔑'.repeat(8),
      'é'.repeat(512),
      'x'.repeat(1024),
    ]) {
      expect(refusalOf(password), password).to.equal(undefined)
      expect(isPossiblePassword(password)).to.equal(true)
    }
  })

  it('S-108 what is too short, too long or no text is refused with a reason that does not repeat it', () => {
    const cases = {
      password_too_short: ['', 'seven77', '🔑'.repeat(7)],
      password_too_long: ['x'.repeat(1025), 'é'.repeat(513), 'y'.repeat(1_000_000)],
      password_has_nul: ['with\0nul in it', '\0'.repeat(8)],
      password_not_text: ['half \ud83d a key'],
    }
    for (const [code, passwords] of Object.entries(cases)) {
      for (const password of passwords) expect(refusalOf(password)).to.equal(code)
    }
  })

  it('S-108 a short password may still be presented; an empty, overlong or impossible one may not', () => {
    expect(isPossiblePassword('x')).to.equal(true)
    for (const password of ['', 'x'.repeat(1025), 'a\0b', '\udc00']) {
      expect(isPossiblePassword(password)).to.equal(false)
    }
  })
})

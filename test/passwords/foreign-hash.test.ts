import { expect } from 'chai'
import { LEGACY_PREFIX } from '../../src/passwords/django-legacy.ts'
import { readForeignHash } from '../../src/passwords/foreign-hash.ts'
import { AT_DJANGOS_SETTINGS, CHEAP, LEGACY } from './django-vectors.ts'

describe('a hash that is imported', () => {
  it('is taken as it is in every format that is checked at login', () => {
    for (const { stored } of [...AT_DJANGOS_SETTINGS, ...CHEAP]) {
      for (const isLegacyAllowed of [true, false]) {
        expect(readForeignHash(stored, { isLegacyAllowed })).to.deep.equal({
          outcome: 'accepted',
          passwordHash: stored,
        })
      }
    }
  })

  it('of the oldest formats is marked, and taken only where that is asked for', () => {
    for (const { stored } of LEGACY) {
      const hash = stored.slice(LEGACY_PREFIX.length)
      expect(readForeignHash(hash, { isLegacyAllowed: false })).to.deep.equal({ outcome: 'legacy' })
      expect(readForeignHash(hash, { isLegacyAllowed: true })).to.deep.equal({
        outcome: 'accepted',
        passwordHash: stored,
      })
      expect(
        readForeignHash(stored, { isLegacyAllowed: true }),
        'it cannot bring the mark along',
      ).to.deep.equal({
        outcome: 'unusable',
      })
    }
  })

  it('is none where there is no password', () => {
    for (const stored of ['', '!', `!${'x'.repeat(40)}`]) {
      expect(readForeignHash(stored, { isLegacyAllowed: false })).to.deep.equal({
        outcome: 'accepted',
        passwordHash: null,
      })
    }
  })

  it('is refused where no password would ever fit it', () => {
    for (const stored of [
      'plain',
      'pbkdf2_sha256$',
      'crypt$$ab1rXl4K7gGN',
      '$2b$12$x',
      ' ',
      'bcrypt$$2b$31$x',
    ]) {
      expect(readForeignHash(stored, { isLegacyAllowed: true }), stored).to.deep.equal({
        outcome: 'unusable',
      })
    }
  })
})

import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { type SigningKeyFacts, signingKeyChecks } from '../../src/doctor/signing-key-checks.ts'
import { lookAtSigningKeys } from '../../src/doctor/signing-key-facts-postgres.ts'
import { keySchedule } from '../../src/keys/schedule.ts'
import { sealingKey } from '../../src/keys/sealing-key.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import { openPostgres } from '../support/postgres.ts'

const DAY_MS = 86_400_000
const MONTH_SECONDS = 30 * 86_400
const NOW = new Date('2026-06-01T00:00:00Z')
const SCHEDULE = keySchedule({ rotationPeriodSeconds: MONTH_SECONDS, jwksMaxAgeSeconds: 300 })

function daysAgo(days: number): Date {
  return new Date(NOW.getTime() - days * DAY_MS)
}

const ACTIVE = { kid: 'a', algorithm: 'RS256', phase: 'active', activatesAt: daysAgo(10) } as const
const NEXT = { kid: 'n', algorithm: 'RS256', phase: 'next', activatesAt: daysAgo(-20) } as const
const RETIRED = { kid: 'r', algorithm: 'RS256', phase: 'retired', activatesAt: daysAgo(50) } as const

function statuses(keys: SigningKeyFacts['keys'], unopenedKids: string[] = [], period = MONTH_SECONDS) {
  const results = signingKeyChecks({ keys, now: NOW, unopenedKids }, period)
  return Object.fromEntries(results.map(({ check, status }) => [check, status]))
}

describe('the doctor and the signing keys', () => {
  it('finds nothing wrong where one signs and one is ready', () => {
    expect(Object.values(statuses([ACTIVE, NEXT, RETIRED]))).to.deep.equal(Array(5).fill('ok'))
  })

  it('a new database has none, which is no failure', () => {
    expect(Object.values(statuses([]))).to.deep.equal([...Array(4).fill('skipped'), 'ok'])
  })

  it('an algorithm that no key signs is found, also beside one that has its key', () => {
    expect(statuses([NEXT, RETIRED])).to.include({ 'signing keys': 'fail' })
    const other = { ...RETIRED, algorithm: 'ES256' }
    const [first] = signingKeyChecks(
      { keys: [ACTIVE, NEXT, other, { ...NEXT, algorithm: 'ES256' }], now: NOW, unopenedKids: [] },
      MONTH_SECONDS,
    )
    expect(first).to.include({ status: 'fail', found: 'no key signs ES256' })
  })

  it('an algorithm that is being introduced is none of them, and neither is one whose keys were all revoked', () => {
    expect(statuses([ACTIVE, NEXT, { ...NEXT, algorithm: 'ES256' }])).to.include({ 'signing keys': 'ok' })
    const revoked = { ...RETIRED, algorithm: 'ES256', phase: 'revoked' } as const
    expect(statuses([ACTIVE, NEXT, revoked])).to.include({ 'signing keys': 'ok', 'next signing key': 'ok' })
    expect(statuses([{ ...ACTIVE, phase: 'revoked' }])).to.include({ 'signing keys': 'fail' })
  })

  it('clients whose algorithm no key signs are named', () => {
    const choices = (algorithm: string) => [{ algorithm, clients: 5, clientIds: ['client_a', 'client_b'] }]
    const check = (algorithm: string) => {
      const facts = { keys: [ACTIVE, NEXT], now: NOW, choices: choices(algorithm) }
      return signingKeyChecks(facts, MONTH_SECONDS).at(-1)
    }
    expect(check('RS256')).to.include({ status: 'ok' })
    const found = check('ES256')
    expect(found).to.include({ status: 'fail', check: 'clients’ algorithms' })
    expect(JSON.stringify(found))
      .to.include('no key signs ES256, the choice of client_a, client_b and 3 more')
      .and.to.include('keyturn keys rotate --algorithm ES256')
  })

  it('a missing next key is found', () => {
    expect(statuses([ACTIVE, RETIRED])).to.include({ 'signing keys': 'ok', 'next signing key': 'warn' })
  })

  it('a rotation that did not happen is found a day later', () => {
    const aged = (days: number, period?: number) => {
      return statuses([{ ...ACTIVE, activatesAt: daysAgo(days) }, NEXT], [], period)['signing key age']
    }
    expect(aged(30.9)).to.equal('ok')
    expect(aged(31.1)).to.equal('warn')
    expect(aged(1000, 0)).to.equal('ok')
  })

  it('a sealing key that does not open them is found', () => {
    expect(statuses([ACTIVE, NEXT], ['n'])).to.include({ 'sealed keys': 'fail' })
    const untried = signingKeyChecks({ keys: [ACTIVE, NEXT], now: NOW }, MONTH_SECONDS)
    expect(untried.at(-2)).to.include({ check: 'sealed keys', status: 'skipped' })
  })

  it('reasons for not looking are passed on', () => {
    for (const result of signingKeyChecks('the running process has it', MONTH_SECONDS)) {
      expect(result).to.include({ status: 'skipped', found: 'the running process has it' })
    }
  })

  it('are read as they are, and tried with the sealing key', async () => {
    const { database } = await openPostgres()
    const [right, wrong] = [sealingKey(randomBytes(32)), sealingKey(randomBytes(32))]
    expect((await lookAtSigningKeys(database, right, SCHEDULE)).keys).to.deep.equal([])

    await signingKeysPostgres({ database, sealingKey: right }).maintain(SCHEDULE)
    const found = await lookAtSigningKeys(database, right, SCHEDULE)
    expect(found.keys.map(({ phase }) => phase)).to.have.members(['active', 'next'])
    expect(found.unopenedKids).to.deep.equal([])
    const unopened = (await lookAtSigningKeys(database, wrong, SCHEDULE)).unopenedKids
    expect(unopened).to.have.members(found.keys.map(({ kid }) => kid))
    expect(await lookAtSigningKeys(database, undefined, SCHEDULE)).not.to.have.property('unopenedKids')
  })
})

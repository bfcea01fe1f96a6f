import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'
import { readToken } from '../examples/forged-tokens.ts'
import { type Issuer, startIssuer } from '../examples/issuer.ts'
import { age, SCHEDULE } from '../keys/fixtures.ts'
import { each, type Fleet, startFleet } from './fleet.ts'

/** What the libraries with `1 s` in their names keep keys for, and a little. */
const CACHE_MS = 1300
/** From one fetch of `keyturn/resource` until it fetches again for an unknown kid. */
const COOLDOWN_SECONDS = 31

/** Has the next key sign. For Keyturn it has been published for long enough; for verifiers no time has gone by. */
async function rotate({ app }: Issuer): Promise<void> {
  await age(app.stores.database, publishToActivateSeconds(SCHEDULE))
  await (await app.administration.keys()).rotateKeys({ now: true }, 'operator')
  await app.app.reloadKeys()
}

/** Revokes the key that signed the token. */
async function revoke({ app }: Issuer, token: string): Promise<void> {
  await (await app.administration.keys()).revokeKey(kidOf(token), 'operator')
  await app.app.reloadKeys()
}

function kidOf(token: string): string {
  return String(readToken(token).header['kid'])
}

/** The header that the runbook has people put before a token. */
const RUNBOOK = readFileSync(new URL('../../docs/runbooks/emergency.md', import.meta.url), 'utf8')
const UNKNOWN_KID = /Bearer ([\w-]+)\.\$\{TOKEN#\*\.\}"/.exec(RUNBOOK)?.[1]

/** The token under a name that no key has. */
function ofUnknownKid(token: string): string {
  return [UNKNOWN_KID, ...token.split('.').slice(1)].join('.')
}

describe('real libraries', () => {
  let issuer: Issuer
  before(async () => {
    issuer = await startIssuer()
  })

  describe('in a planned rotation', () => {
    let fleet: Fleet
    let [first, second, third] = ['', '', '']
    before(async () => {
      fleet = await startFleet(issuer)
      first = await issuer.aliceToken()
    })

    it('P3 verify before, right after the switch, and what the retired key has signed, without asking again', async () => {
      expect(await fleet.verdicts(first)).to.deep.equal(each('accepted'))
      const { others: asked } = fleet.jwksRequests()

      await rotate(issuer)
      second = await issuer.aliceToken()
      expect(kidOf(second)).not.to.equal(kidOf(first))
      expect(await fleet.verdicts(second)).to.deep.equal(each('accepted'))
      expect(await fleet.verdicts(first)).to.deep.equal(each('accepted'))
      expect(fleet.jwksRequests().others).to.equal(asked)
    })

    it('refuse what is for somebody else, or by another issuer, though the same key signed it', async () => {
      const genuine = await issuer.genuine()
      const others = [{ aud: 'https://other.example.com' }, { iss: `${issuer.url}/` }]
      for (const claims of others) {
        expect(await fleet.verdicts(await genuine.signed({ claims }))).to.deep.equal(each('refused'))
      }
      expect(await fleet.verdicts(await genuine.signed({})), 'control').to.deep.equal(each('accepted'))
    })

    it('P3 verify what the retired key has signed also with a set that they have fetched since', async () => {
      await delay(CACHE_MS)
      const { brief: asked } = fleet.jwksRequests()
      expect(await fleet.verdicts(first)).to.deep.equal(each('accepted'))
      expect(fleet.jwksRequests().brief).to.be.above(asked)
      expect(await fleet.verdicts(second)).to.deep.equal(each('accepted'))
    })

    it('control: three of them refuse a key that signs before their cache has turned; the others fetch', async () => {
      await rotate(issuer)
      third = await issuer.aliceToken()
      const verdicts = {
        ...each('accepted'),
        'keyturn/resource': 'refused',
        jose: 'refused',
        'go-oidc 2': 'refused',
      }
      expect(await fleet.verdicts(third)).to.deep.equal(verdicts)
      expect(await fleet.verdicts(third), 'no request helps').to.deep.equal(verdicts)

      fleet.passSeconds(COOLDOWN_SECONDS)
      await fleet.reloadJose()
      expect(await fleet.verdicts(third)).to.deep.equal({ ...each('accepted'), 'go-oidc 2': 'refused' })
    })
  })

  describe('after keys revoke', () => {
    let fleet: Fleet
    /** Of the key that is revoked: one that each of them has seen, and one that none has. */
    let [seen, unseen] = ['', '']
    before(async () => {
      fleet = await startFleet(issuer)
      ;[seen, unseen] = [await issuer.aliceToken(), await issuer.aliceToken()]
      expect(await fleet.verdicts(seen)).to.deep.equal(each('accepted'))
      await revoke(issuer, seen)
    })

    it('verify the successor at once: it had been published', async () => {
      const { others: asked } = fleet.jwksRequests()
      const successor = await issuer.aliceToken()
      expect(kidOf(successor)).not.to.equal(kidOf(seen))
      expect(await fleet.verdicts(successor)).to.deep.equal(each('accepted'))
      expect(fleet.jwksRequests().others).to.equal(asked)
    })

    it('go on trusting the key for as long as the runbook says', async () => {
      const lasting = Object.entries(await fleet.verdicts(seen)).filter(([name]) => !name.endsWith(', 1 s'))
      expect(lasting, 'while they keep the set').to.have.length.above(7)
      for (const [name, verdict] of lasting) expect(verdict, name).to.equal('accepted')
      await delay(CACHE_MS)
      expect(await fleet.verdicts(seen), 'when the set has had its time').to.deep.equal({
        ...each('accepted'),
        'jose, 1 s': 'refused',
        'PyJWT, 1 s': 'refused',
        'mod_oauth2, 1 s': 'refused',
        // Not the others with 1 s: cache_keys keeps a key for ever, and go-oidc one that it knows.
      })
    })

    it('stop trusting it by the remedies of the runbook', async () => {
      fleet.passSeconds(COOLDOWN_SECONDS)
      await fleet.reloadJose()
      expect(await fleet.verdicts(ofUnknownKid(seen))).to.deep.equal(each('refused'))
      const trusting = { 'PyJWT, cache_keys': 'accepted', 'go-oidc 2': 'accepted' }
      expect(await fleet.verdicts(seen)).to.deep.equal({
        ...each('refused'),
        ...trusting,
        // It keeps what it has found out of a token.
        mod_oauth2: 'accepted',
      })
      expect(await fleet.verdicts(unseen)).to.deep.equal({
        ...each('refused'),
        'go-oidc 2': 'accepted',
        'PyJWT, cache_keys': 'accepted',
      })
    })
  })
})

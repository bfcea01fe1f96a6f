import { expect } from 'chai'
import { digestOfLinkToken, LINK_TTL_SECONDS, type LinkPurpose, makeLinkToken } from '../../src/links/link.ts'
import { linksPostgres } from '../../src/links/links-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { forEachDatabase } from '../support/databases.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const event = { event: 'user.password_reset', actor: 'user:1' } as const

forEachDatabase((_name, open) => {
  describe('links', () => {
    let database: Database
    let users: ReturnType<typeof usersPostgres>
    let links: ReturnType<typeof linksPostgres>
    beforeEach(async () => {
      database = await open()
      users = usersPostgres(database)
      links = linksPostgres(database)
      const user = { id: '1', username: 'ada', email: 'Ada@example.com', passwordHash: 'old' }
      const flags = { isActive: true, isStaff: false, isSuperuser: false, joinedAt: NOW, extra: {} }
      await users.add({ ...user, ...flags }, event)
    })

    async function add(now = NOW, purpose: LinkPurpose = 'password_reset', email = 'Ada@example.com') {
      const link = { purpose, digest: makeLinkToken().digest }
      return { link, isAdded: await links.add({ ...link, userId: '1', email }, now) }
    }
    const use = (link: { purpose: LinkPurpose; digest: Buffer }, now = NOW) =>
      users.resetPassword(link, 'new', now, event)

    it('S-166 is good once, whoever comes at the same time', async () => {
      const { link } = await add()
      expect(await links.find(link, NOW)).to.deep.equal({ userId: '1' })
      const used = await Promise.all(Array.from({ length: 8 }, () => use(link)))
      expect(used.filter(Boolean)).to.have.length(1)
      expect(await links.find(link, NOW)).to.equal(undefined)
    })

    it('is good for ten minutes and for one purpose', async () => {
      const { link } = await add()
      expect(await use(link, later(LINK_TTL_SECONDS))).to.equal(false)
      expect(await use({ ...link, purpose: 'verify_email' })).to.equal(false)
      expect(await use({ ...link, digest: makeLinkToken().digest })).to.equal(false)
      expect(await use(link, later(LINK_TTL_SECONDS - 1))).to.equal(true)
    })

    for (const [what, change] of [
      ['a new password', () => users.setPassword('1', 'x', NOW, event)],
      ['another address', () => database.query("update users set email = 'eve@example.com' where id = '1'")],
      ['the end of the user’s access', () => users.setActive('1', false, NOW, event)],
      ['another link that was used', async () => use((await add()).link)],
    ] as const) {
      it(`is void after ${what}`, async () => {
        const { link } = await add()
        await change()
        expect(await links.find(link, NOW)).to.equal(undefined)
        expect(await use(link)).to.equal(false)
      })
    }

    it('there are three of a purpose at a time, none for another address, and old ones go', async () => {
      const asked = [await add(), await add(), await add(), await add(), await add(NOW, 'verify_email')]
      expect(asked.map(({ isAdded }) => isAdded)).to.deep.equal([true, true, true, false, true])
      expect((await add(NOW, 'verify_email', 'eve@example.com')).isAdded).to.equal(false)
      await links.remove(asked[0]?.link.digest ?? Buffer.alloc(0))
      expect((await add()).isAdded).to.equal(true)
      const count = async () => (await database.query('select from links')).length
      expect(await count()).to.equal(4)
      expect((await add(later(LINK_TTL_SECONDS + 1))).isAdded).to.equal(true)
      expect(await count()).to.equal(1)
    })
  })
})

describe('the token of a link', () => {
  it('is never the same, and what is none of ours is not looked up', () => {
    const { token, digest } = makeLinkToken()
    expect(makeLinkToken().token).not.to.equal(token)
    expect(digestOfLinkToken(token)).to.deep.equal(digest)
    for (const other of ['', token.slice(1), `${token}=`, `${token.slice(1)}!`, 'x'.repeat(100_000)])
      expect(digestOfLinkToken(other)).to.equal(undefined)
  })
})

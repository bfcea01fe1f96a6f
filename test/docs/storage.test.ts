import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { keyNames } from '../../src/redis/key-names.ts'
import { openPostgres } from '../support/postgres.ts'

const page = readFileSync(new URL('../../docs/storage.md', import.meta.url), 'utf8')

/** The tables and columns of the page: a heading, and the first cell of each row below it. */
function described(): Record<string, string[]> {
  const sections = page.split('## Redis')[0]?.split('\n### ').slice(1) ?? []
  return Object.fromEntries(
    sections.map((section) => {
      const [name = '', ...lines] = section.split('\n')
      const cells = lines.map((line) => /^\| (\w+) \|/.exec(line)?.[1]).filter((cell) => cell !== undefined)
      return [name, cells.filter((cell) => cell !== 'column').sort()]
    }),
  )
}

describe('docs/storage.md', () => {
  it('describes every table and column of the schema, and no other', async () => {
    const { database } = await openPostgres()
    const rows = await database.query<{ table: string; columns: string[] }>(
      `select table_name as table, array_agg(column_name::text order by column_name::text) as columns
       from information_schema.columns
       where table_schema = 'public' and not (select relispartition from pg_class where oid = table_name::regclass)
       group by table_name`,
    )
    const actual = Object.fromEntries(rows.map(({ table, columns }) => [table, [...columns].sort()]))
    expect(described()).to.deep.equal(actual)
  })

  it('describes every Redis key', () => {
    const names = Object.values(keyNames).map((name) => name(Buffer.alloc(16)).split(':')[0])
    expect(names).to.have.length.greaterThan(0)
    for (const name of names) expect(page).to.contain(`\`${name}:{`)
  })

  it('control: a table that is missing from the page is noticed', () => {
    expect(described()).not.to.have.property('no_such_table')
    expect(Object.keys(described())).to.have.length.greaterThan(10)
  })
})

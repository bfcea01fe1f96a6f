import type { Queryable } from '../postgres/database.ts'
import { Refusal } from '../refusal.ts'
import { parseExactly } from './json.ts'
import {
  API_KEY_MODEL,
  AUTHTOKEN_MODEL,
  BLACKLISTED_MODEL,
  type DjangoRecord,
  OUTSTANDING_MODEL,
} from './record.ts'

/** Rows in one query: a few megabytes. */
const PAGE_ROWS = 2000

/** Which table has which model, and its primary key. */
interface Table {
  readonly model: string
  readonly name: string
  readonly key: string
}

/**
 * Reads the rows of one model from a Django database, page by page, with nothing but `select`. There are none where the
 * table of authtokens, of API keys or of refresh tokens is not there.
 * @param userTable with its schema where it is not on the search path
 * @throws Refusal where there is no table of users
 */
export async function* readDjangoModel(
  database: Queryable,
  model: string,
  userTable: string,
): AsyncGenerator<DjangoRecord> {
  const table: Table = {
    [AUTHTOKEN_MODEL]: { model, name: 'authtoken_token', key: 'key' },
    [OUTSTANDING_MODEL]: { model, name: 'token_blacklist_outstandingtoken', key: 'id' },
    [BLACKLISTED_MODEL]: { model, name: 'token_blacklist_blacklistedtoken', key: 'id' },
    [API_KEY_MODEL]: { model, name: 'rest_framework_api_key_apikey', key: 'id' },
  }[model] ?? { model, name: userTable, key: 'id' }
  const [found] = await database.query<{ quoted: string | null; type: string | null }>(
    `select to_regclass($1)::text as quoted, (select format_type(atttypid, null) from pg_attribute
       where attrelid = to_regclass($1) and attname = $2) as type`,
    [table.name, table.key],
  )
  if (found?.quoted && found.type) yield* readTable(database, table, found.quoted, found.type)
  else if (table.name === userTable) {
    throw new Refusal(
      'user_table_unknown',
      `there is no table ${userTable} with a column id in that database: name it with --user-table`,
    )
  }
}

/** @param quoted and type as PostgreSQL itself writes them, so that they can stand in a statement */
async function* readTable(
  database: Queryable,
  { model, key }: Table,
  quoted: string,
  type: string,
): AsyncGenerator<DjangoRecord> {
  for (let after: string | null = null; ; ) {
    const rows: { pk: string; fields: string }[] = await database.query(
      `select t.${key}::text as pk, to_jsonb(t)::text as fields from ${quoted} t
       where $1::text is null or t.${key} > $1::${type} order by t.${key} limit ${PAGE_ROWS}`,
      [after],
    )
    for (const { pk, fields } of rows) {
      yield { model, pk, fields: parseExactly(fields) as DjangoRecord['fields'] }
    }
    after = rows.at(-1)?.pk ?? null
    if (rows.length < PAGE_ROWS) return
  }
}

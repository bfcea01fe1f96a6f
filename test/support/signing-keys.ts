import { randomBytes } from 'node:crypto'
import type { SigningAlgorithm } from '../../src/keys/algorithms.ts'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'
import { sealingKey } from '../../src/keys/sealing-key.ts'
import type { Database } from '../../src/postgres/database.ts'
import { age, SCHEDULE } from '../keys/fixtures.ts'
import type { TestApp } from './app.ts'

/** One sealing key serves the whole run. */
export const testSealingKey = sealingKey(randomBytes(32))

/** Introduces an algorithm and lets the delay go by, until which nobody can choose it. */
export async function introduced(keyturn: TestApp, algorithm: SigningAlgorithm): Promise<void> {
  const keys = await keyturn.administration.keys()
  await keys.rotateKeys({ now: false, algorithm }, 'operator')
  await age(keyturn.stores.database, publishToActivateSeconds(SCHEDULE))
  await keyturn.app.reloadKeys()
}

/** The signing keys that the first node of the run made, as JSON rows. */
let made: string | undefined

/**
 * Gives a new database the signing keys that another test's node has made: real keys, real rows. Making two RSA keys
 * takes a second, and most tests are not about it.
 */
export async function lendSigningKeys(database: Database): Promise<void> {
  if (made === undefined) return
  await database.query(
    'insert into signing_keys select * from json_populate_recordset(null::signing_keys, $1)',
    [made],
  )
}

/** Remembers the keys of a node that has started. */
export async function rememberSigningKeys(database: Database): Promise<void> {
  if (made !== undefined) return
  const [row] = await database.query<{ rows: string }>('select json_agg(k)::text as rows from signing_keys k')
  made = row?.rows
}

import { isSigningAlgorithm } from '../keys/algorithms.ts'
import { opensSigningKey } from '../keys/key-material.ts'
import type { KeySchedule } from '../keys/schedule.ts'
import type { SealingKey } from '../keys/sealing-key.ts'
import { keyLives } from '../keys/signing-key.ts'
import type { Queryable } from '../postgres/database.ts'
import type { SigningKeyFacts } from './signing-key-checks.ts'

/** So many clients are named to an operator who is to look at all of them. */
const NAMED_CLIENTS = 3

interface Row {
  kid: string
  algorithm: string
  sealed: Buffer | null
  published_at: Date
  activates_at: Date | null
  revoked_at: Date | null
  now: Date
}

/**
 * Reads the signing keys, and tries whether they open. Reads only.
 * @param sealingKey undefined where there is none to try
 */
export async function lookAtSigningKeys(
  database: Queryable,
  sealingKey: SealingKey | undefined,
  schedule: KeySchedule,
): Promise<SigningKeyFacts> {
  const rows = await database.query<Row>(
    `select kid, algorithm, sealed_private_key as sealed, published_at, activates_at, revoked_at, clock_timestamp() as now
     from signing_keys order by published_at, kid collate "C"`,
  )
  const choices = await database.query<{ algorithm: string; clients: number; sample: string[] }>(
    `select access_token_alg as algorithm, count(*)::int as clients, (array_agg(id order by id))[1:${NAMED_CLIENTS}] as sample
     from clients
     where access_token_alg is not null and disabled_at is null group by access_token_alg order by access_token_alg`,
  )
  const now = rows[0]?.now ?? new Date(0)
  const keys = rows.flatMap(({ kid, algorithm, sealed, published_at, activates_at, revoked_at }) => {
    if (!isSigningAlgorithm(algorithm)) return []
    return [
      {
        kid,
        algorithm,
        publishedAt: published_at,
        activatesAt: activates_at,
        revokedAt: revoked_at,
        holdsPrivateKey: sealed !== null,
      },
    ]
  })
  const unopened = rows.filter(({ kid, sealed }) => {
    return sealed !== null && sealingKey !== undefined && !opensSigningKey(kid, sealed, sealingKey)
  })
  return {
    now,
    choices: choices.map(({ sample: clientIds, ...choice }) => ({ ...choice, clientIds })),
    keys: keyLives(keys, now, schedule).map(({ key, phase }) => {
      return { kid: key.kid, algorithm: key.algorithm, phase, activatesAt: key.activatesAt }
    }),
    ...(sealingKey !== undefined && { unopenedKids: unopened.map(({ kid }) => kid) }),
  }
}

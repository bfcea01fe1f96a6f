import type { JWK } from 'jose'
import { recordAudit } from '../audit/audit-postgres.ts'
import type { AuditEvent } from '../audit/events.ts'
import { addSeconds } from '../clock.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { isSigningAlgorithm } from './algorithms.ts'
import { generateSigningKey, type SealedKeyPair, sealSigningKey } from './key-material.ts'
import { changeKeys, requireRightSealingKey, underRightLine } from './key-tables-postgres.ts'
import { IS_REMEMBERED } from './nodes-postgres.ts'
import { isIntroduced, type MaintenanceStep, maintenanceSteps } from './rotation.ts'
import { type KeySchedule, publishToActivateSeconds, reckoningWith } from './schedule.ts'
import type { SealingKey, SealingKeyLine } from './sealing-key.ts'
import type { KeyChange, LoadedSigningKeys, SigningKeys, StoredSigningKey } from './signing-keys.ts'

/** Who the audit log names for what happens by itself. */
const BY_ITSELF = 'keyturn'

/**
 * Signing keys in PostgreSQL.
 * @param options.sealingKey or the way to it: what seals nothing, a revocation above all, does not wait for a KMS
 */
export function signingKeysPostgres({
  database,
  sealingKey: given,
}: {
  database: Database
  sealingKey: SealingKey | (() => Promise<SealingKey>)
}): SigningKeys {
  const sealing = async () => (typeof given === 'function' ? given() : given)
  return {
    load: () => readKeys(database),

    async maintain(schedule) {
      const sealingKey = await sealing()
      const done: MaintenanceStep[] = []
      let pairs: readonly SealedKeyPair[] = []
      for (;;) {
        const round = await changeKeys(database, (transaction, now) =>
          applySteps(transaction, now, schedule, pairs, sealingKey),
        )
        done.push(...round.done)
        const { line } = round
        if (line === undefined) return done
        // Made with the lock released: it takes a while. Should another node be quicker, ours are thrown away.
        pairs = await Promise.all(round.lacking.map(({ algorithm }) => generateSigningKey(algorithm, line)))
      }
    },

    async introduce(algorithm, schedule, actor) {
      const sealingKey = await sealing()
      const made = await generateSigningKey(algorithm, sealingKey.lines()[0])
      return changeKeys(database, async (transaction, now) => {
        const pair = await underRightLine(transaction, made, sealingKey)
        const { keys, jwksMaxAgeSeconds } = await readKeys(transaction)
        if (isIntroduced(algorithm, keys)) return undefined
        const delay = publishToActivateSeconds(reckoningWith(schedule, jwksMaxAgeSeconds))
        const activatesAt = addSeconds(now, delay)
        await insertKey(transaction, pair, now, activatesAt, { event: 'signing_key.created', actor })
        return { kid: pair.kid, activatesAt }
      })
    },

    async activate(decide, actor) {
      const sealingKey = await sealing()
      return changeKeys(database, async (transaction, now) => {
        // The key after next is made right after this: whoever cannot must not begin.
        await requireRightSealingKey(transaction, sealingKey)
        const loaded = { ...(await readKeys(transaction)), now }
        const planned = decide(loaded)
        for (const { kid, activatesAt } of planned) {
          const before = loaded.keys.find((key) => key.kid === kid)
          if (before?.activatesAt?.getTime() === activatesAt.getTime()) continue
          await setActivation(transaction, kid, activatesAt, actor)
        }
        return planned
      })
    },

    seal: async (algorithm, privateKey) =>
      sealSigningKey(algorithm, privateKey, (await sealing()).lines()[0]),

    change: (decide, actor) =>
      changeKeys(database, async (transaction, now) => {
        const { changes, result } = decide({ ...(await readKeys(transaction)), now })
        for (const change of changes) await makeChange(transaction, change, now, actor, sealing)
        return result
      }),
  }
}

async function makeChange(
  transaction: Queryable,
  change: KeyChange,
  now: Date,
  actor: string,
  sealing: () => Promise<SealingKey>,
): Promise<void> {
  switch (change.change) {
    case 'activate':
      return setActivation(transaction, change.kid, change.activatesAt, actor)
    case 'revoke':
      return revokeKey(transaction, change.kid, now, actor)
    case 'import': {
      const pair = await underRightLine(transaction, change.pair, await sealing())
      return insertKey(transaction, pair, now, change.activatesAt, { event: 'signing_key.imported', actor })
    }
  }
}

interface Row {
  now: Date
  kid: string | null
  algorithm: string
  public_jwk: JWK
  sealed_private_key: Buffer | null
  published_at: Date
  activates_at: Date | null
  revoked_at: Date | null
  jwks_max_age_seconds: number | null
  sealed_with: string | null
}

/** All rows and the time in one statement; the join gives the time even where there is no row. Needs no sealing key. */
export async function readKeys(source: Queryable): Promise<LoadedSigningKeys> {
  const rows = await source.query<Row>(
    `select clock.now, kid, algorithm, public_jwk, sealed_private_key, published_at, activates_at, revoked_at,
       sealed_with,
       (select max(jwks_max_age_seconds) from nodes where ${IS_REMEMBERED}) as jwks_max_age_seconds
     from (select clock_timestamp() as now) as clock left join signing_keys on true
     order by published_at, kid collate "C"`,
  )
  const [first] = rows
  if (!first) throw new Error('the database did not say what time it is')
  return { now: first.now, keys: rows.flatMap(toKeys), jwksMaxAgeSeconds: first.jwks_max_age_seconds }
}

/** The key in a row: none in the row of an empty table, and none of an algorithm that a newer release brought. */
function toKeys(row: Row): StoredSigningKey[] {
  if (row.kid === null || !isSigningAlgorithm(row.algorithm)) return []
  return [
    {
      kid: row.kid,
      algorithm: row.algorithm,
      publishedAt: row.published_at,
      activatesAt: row.activates_at,
      revokedAt: row.revoked_at,
      holdsPrivateKey: row.sealed_private_key !== null,
      publicJwk: row.public_jwk,
      sealedPrivateKey: row.sealed_private_key,
      sealedWith: row.sealed_with,
    },
  ]
}

type Creation = Extract<MaintenanceStep, { step: 'create' }>

/**
 * Applies all steps that `pairs` suffices for; `lacking` are the creations for which a pair must be made first, sealed
 * with `line`, which is undefined where none lacks.
 */
async function applySteps(
  transaction: Queryable,
  now: Date,
  schedule: KeySchedule,
  pairs: readonly SealedKeyPair[],
  sealingKey: SealingKey,
): Promise<{ done: MaintenanceStep[]; lacking: Creation[]; line: SealingKeyLine | undefined }> {
  const { keys, jwksMaxAgeSeconds } = await readKeys(transaction)
  const steps = maintenanceSteps(keys, now, reckoningWith(schedule, jwksMaxAgeSeconds))
  const creations = steps.filter((step) => step.step === 'create')
  const line = creations.length > 0 ? await requireRightSealingKey(transaction, sealingKey) : undefined

  // Somebody may have resealed everything while the pairs were made.
  const unused = pairs.filter(({ sealedWith }) => sealedWith === line?.fingerprint)
  const taken = creations.map(({ algorithm }) => {
    const index = unused.findIndex((pair) => pair.algorithm === algorithm)
    return index < 0 ? undefined : unused.splice(index, 1)[0]
  })
  // All or none: on an empty database the first key and its successor become visible together.
  const isSupplied = taken.every((pair) => pair !== undefined)

  const done: MaintenanceStep[] = []
  for (const step of steps) {
    if (step.step === 'create') {
      const pair = isSupplied ? taken.shift() : undefined
      if (pair === undefined) continue
      await insertKey(transaction, pair, now, step.activatesAt, {
        event: 'signing_key.created',
        actor: BY_ITSELF,
      })
    } else if (step.step === 'schedule') {
      await setActivation(transaction, step.kid, step.activatesAt, BY_ITSELF)
    } else if (step.step === 'wipe') {
      await transaction.query('update signing_keys set sealed_private_key = null where kid = $1', [step.kid])
    } else {
      await removeKey(transaction, step.kid)
    }
    done.push(step)
  }
  return isSupplied ? { done, lacking: [], line: undefined } : { done, lacking: creations, line }
}

async function insertKey(
  transaction: Queryable,
  pair: SealedKeyPair,
  now: Date,
  activatesAt: Date | null,
  said: Pick<AuditEvent, 'event' | 'actor'>,
): Promise<void> {
  const { kid, algorithm, publicJwk, sealedPrivateKey, sealedWith } = pair
  await transaction.query(
    `insert into signing_keys (kid, algorithm, public_jwk, sealed_private_key, published_at, activates_at, created_at,
       sealed_with)
     values ($1, $2, $3, $4, $5, $6, $5, $7)`,
    [kid, algorithm, JSON.stringify(publicJwk), sealedPrivateKey, now, activatesAt, sealedWith],
  )
  await recordAudit(transaction, {
    ...said,
    details: { kid, algorithm, activates_at: activatesAt?.toISOString() ?? null },
  })
}

async function setActivation(
  transaction: Queryable,
  kid: string,
  activatesAt: Date,
  actor: string,
): Promise<void> {
  await transaction.query('update signing_keys set activates_at = $2 where kid = $1', [kid, activatesAt])
  const details = { kid, activates_at: activatesAt.toISOString() }
  await recordAudit(transaction, { event: 'signing_key.scheduled', actor, details })
}

async function revokeKey(transaction: Queryable, kid: string, now: Date, actor: string): Promise<void> {
  await transaction.query(
    'update signing_keys set revoked_at = $2, sealed_private_key = null where kid = $1',
    [kid, now],
  )
  await recordAudit(transaction, { event: 'signing_key.revoked', actor, details: { kid } })
}

async function removeKey(transaction: Queryable, kid: string): Promise<void> {
  await transaction.query('delete from signing_keys where kid = $1', [kid])
  await recordAudit(transaction, { event: 'signing_key.removed', actor: BY_ITSELF, details: { kid } })
}

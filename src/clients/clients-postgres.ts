import { recordAudit } from '../audit/audit-postgres.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { CLIENT_CUTOFF } from '../sessions/session-parts-postgres.ts'
import { type ClientRow, toClient, toRow } from './client-row.ts'
import type { Clients, NewClientSecret } from './clients.ts'

/** Clients in PostgreSQL. */
export function clientsPostgres(database: Database): Clients {
  return {
    add: (client, secret, event) =>
      database.transaction(async (transaction) => {
        const row = toRow(client)
        const places = Object.keys(row).map((_, at) => `$${at + 1}`)
        const added = await transaction.query(
          `insert into clients (${Object.keys(row)}) values (${places}) on conflict do nothing returning id`,
          Object.values(row),
        )
        if (added.length === 0) return false
        if (secret) await insertSecret(transaction, client.id, secret)
        await recordAudit(transaction, event)
        return true
      }),

    async find(id) {
      const [row] = await database.query<ClientRow>('select * from clients where id = $1', [id])
      return row && toClient(row)
    },

    async list(limit, after) {
      const rows = await database.query<ClientRow>(
        'select * from clients where $2::text is null or id > $2 order by id limit $1',
        [limit, after ?? null],
      )
      return rows.map(toClient)
    },

    update: (id, change, event) =>
      database.transaction(async (transaction) => {
        const [found] = await transaction.query<ClientRow>(
          'select * from clients where id = $1 for no key update',
          [id],
        )
        if (found === undefined) return undefined
        const client = change(toClient(found))
        const row = toRow(client)
        const places = Object.keys(row).map((name, at) => `${name} = $${at + 1}`)
        await transaction.query(`update clients set ${places} where id = $1`, Object.values(row))
        await recordAudit(transaction, event)
        return client
      }),

    async findOrigins() {
      const rows = await database.query<{ id: string; allowed_origins: string[] }>(
        "select id, allowed_origins from clients where allowed_origins <> '{}' and disabled_at is null",
        [],
      )
      return rows.map(({ id, allowed_origins: origins }) => ({ id, origins }))
    },

    replaceSecret: (id, secret, { now, earlierEndsAt, endsEarlier }, event) =>
      database.transaction(async (transaction) => {
        const [client] = await transaction.query<{ is_confidential: boolean }>(
          'select is_confidential from clients where id = $1 for update',
          [id],
        )
        if (!client?.is_confidential) return 'unknown'
        const [ending] = await transaction.query<{ expires_at: Date }>(
          'select expires_at from client_secrets where client_id = $1 and expires_at > $2 order by expires_at desc limit 1',
          [id, now],
        )
        if (ending && !endsEarlier) return { pendingUntil: ending.expires_at }
        // The newest is the one that has no end yet: clocks of several nodes do not order what was made in a moment.
        await transaction.query(
          'delete from client_secrets where client_id = $1 and expires_at is not null',
          [id],
        )
        await transaction.query('update client_secrets set expires_at = $2 where client_id = $1', [
          id,
          earlierEndsAt,
        ])
        await insertSecret(transaction, id, secret)
        await recordAudit(transaction, event)
        return 'replaced'
      }),

    setEnabled: (id, isEnabled, now, event) =>
      database.transaction(async (transaction) => {
        const [client] = await transaction.query<{ disabled_at: Date | null }>(
          // A login of the client, whose family refers to this row, neither waits for us nor we for it.
          'select disabled_at from clients where id = $1 for no key update',
          [id],
        )
        if (client === undefined || (client.disabled_at === null) === isEnabled) return client !== undefined
        // At enabling too: what a login that was under way began in between is not to come alive.
        await transaction.query(
          `update clients set disabled_at = $2, families_end_before = ${CLIENT_CUTOFF} where id = $1`,
          [id, isEnabled ? null : now],
        )
        await recordAudit(transaction, event)
        return true
      }),

    async noteSecretUse(secretId, at) {
      await database.query('update client_secrets set last_used_at = $2 where id = $1', [secretId, at])
    },
  }
}

async function insertSecret(
  transaction: Queryable,
  clientId: string,
  secret: NewClientSecret,
): Promise<void> {
  await transaction.query(
    'insert into client_secrets (id, client_id, digest, created_at) values ($1, $2, $3, $4)',
    [secret.id, clientId, secret.digest, secret.createdAt],
  )
}

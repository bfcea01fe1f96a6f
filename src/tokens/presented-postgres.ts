import type { ClientSecret } from '../clients/client.ts'
import { CLIENT_COLUMNS, type ClientRow, toClient } from '../clients/client-row.ts'
import type { Clock } from '../clock.ts'
import { coalesce } from '../postgres/coalesce.ts'
import type { Database } from '../postgres/database.ts'
import { familyStands, SESSION_STANDS } from '../sessions/live-postgres.ts'
import type { Presented, ReadPresented } from './presented.ts'
import { FAMILY_COLUMNS, type RefreshFamilyRow, toFamily } from './refresh-family-row.ts'

type Row = ClientRow &
  RefreshFamilyRow & {
    secrets: { id: string; digest: string; last_used_at: string | null }[] | null
    username: string
    is_active: boolean
    has_ended: boolean
    authenticated_at: Date
  }

const CLIENT_ID = /^[a-z][a-z0-9_]{2,63}$/

const STATEMENT = {
  name: 'presented',
  sql: `
  select ${CLIENT_COLUMNS}, secrets.list as secrets, ${FAMILY_COLUMNS}, u.username, u.is_active,
    not (${SESSION_STANDS} and ${familyStands('c')}) as has_ended, s.authenticated_at
  from unnest($1::text[], $2::bytea[]) with ordinality as asked (client_id, family_id, place)
  left join clients c on c.id = asked.client_id
  left join lateral (
    select json_agg(json_build_object(
      'id', k.id, 'digest', encode(k.digest, 'hex'), 'last_used_at', k.last_used_at)) as list
    from client_secrets k where k.client_id = c.id and (k.expires_at is null or k.expires_at > $3)
  ) secrets on true
  left join refresh_families f on f.id = asked.family_id
  left join users u on u.id = f.user_id
  left join sessions s on s.id = f.session_id
  order by asked.place`,
}

/**
 * Reads clients and families from PostgreSQL, one query for all requests of a moment.
 * @param underWay how many requests there are, where others than this one may be waited for
 */
export function readPresentedPostgres(
  database: Database,
  clock: Clock,
  underWay?: () => number,
): ReadPresented {
  const read = coalesce(
    async (asked: readonly { clientId: string | null; familyId: Buffer | null }[]) => {
      const rows = await database.run<Row>(STATEMENT, [
        asked.map(({ clientId }) => clientId),
        asked.map(({ familyId }) => familyId),
        clock.now(),
      ])
      return rows.map(toPresented)
    },
    { underWay },
  )

  return (clientId, familyId) => {
    const id = CLIENT_ID.test(clientId) ? clientId : null
    if (id === null && familyId === undefined)
      return Promise.resolve({ client: undefined, family: undefined })
    return read({ clientId: id, familyId: familyId ?? null })
  }
}

function toPresented(row: Row): Presented {
  return {
    client:
      row.id === null ? undefined : { client: toClient(row), secrets: (row.secrets ?? []).map(toSecret) },
    family:
      row.family_id === null
        ? undefined
        : {
            family: toFamily(row),
            user: { id: row.family_user_id, username: row.username },
            userIsActive: row.is_active,
            sessionEnded: row.has_ended,
            authenticatedAt: row.authenticated_at,
          },
  }
}

function toSecret(secret: { id: string; digest: string; last_used_at: string | null }): ClientSecret {
  return {
    id: secret.id,
    digest: Buffer.from(secret.digest, 'hex'),
    lastUsedAt: secret.last_used_at === null ? null : new Date(secret.last_used_at),
  }
}

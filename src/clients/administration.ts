import { randomBytes, randomUUID } from 'node:crypto'
import { addSeconds, type Clock } from '../clock.ts'
import { digestSecret } from '../crypto/secret.ts'
import { Refusal } from '../refusal.ts'
import type { Client } from './client.ts'
import { type ClientChanges, changeClient } from './client-changes.ts'
import { type ClientDetails, makeClient } from './client-details.ts'
import { makeClientSecret } from './client-secret.ts'
import type { Clients } from './clients.ts'
import { DJANGO_CLIENT_DETAILS, DJANGO_CLIENT_ID } from './django-client.ts'

/** How long a replaced secret still works, so that a client's instances can be switched one by one. */
const SECRET_OVERLAP_SECONDS = 24 * 3600

/** A client, and its secret the only time it can be seen; none for a public client. */
export interface CreatedClient {
  readonly client: Client
  readonly secret: string | undefined
}

/**
 * What an operator may do with clients; the command line and the administration API are two thin doors to it. Each
 * change is audited in its own transaction. All throw Refusal with what to do about it.
 * @param parts.requireSigning refuses an algorithm that signs nothing now
 */
export function clientAdministration({
  clients,
  requireSigning,
  clock,
}: {
  clients: Clients
  requireSigning: (algorithm: string) => Promise<void>
  clock: Clock
}) {
  return {
    async create(details: ClientDetails, actor: string): Promise<CreatedClient> {
      if (details.accessTokenAlg !== undefined) await requireSigning(details.accessTokenAlg)
      const client = makeClient(`client_${randomBytes(10).toString('hex')}`, details, clock.now())
      const secret = client.isConfidential ? makeClientSecret() : undefined
      const event = { event: 'client.created', actor, clientId: client.id } as const
      if (!(await clients.add(client, secret === undefined ? undefined : stored(secret, clock), event)))
        throw new Error('client id collision')
      return { client, secret }
    },

    list: (limit: number, after?: string): Promise<Client[]> => clients.list(limit, after),

    async show(id: string): Promise<Client> {
      const client = await clients.find(id)
      if (!client) throw unknownClient(id)
      return client
    },

    /** Changes what is said of a client. Sessions go on by the new rules from their next refresh on. */
    async update(id: string, changes: ClientChanges, actor: string): Promise<Client> {
      if (typeof changes.accessTokenAlg === 'string') await requireSigning(changes.accessTokenAlg)
      const event = { event: 'client.updated', actor, clientId: id } as const
      const client = await clients.update(id, (found) => changeClient(found, changes), event)
      if (!client) throw unknownClient(id)
      return client
    },

    /**
     * Makes a second secret. The first one works for another day. Asking again within it is refused, since it would cut
     * off whoever still uses the oldest one: a script that is run twice must not; `endsEarlier` does it all the same.
     */
    async rotateSecret(
      id: string,
      actor: string,
      { endsEarlier = false }: { endsEarlier?: boolean | undefined } = {},
    ): Promise<{ secret: string; earlierEndsAt: Date }> {
      const secret = makeClientSecret()
      const now = clock.now()
      const earlierEndsAt = addSeconds(now, SECRET_OVERLAP_SECONDS)
      const event = { event: 'client.secret_rotated', actor, clientId: id } as const
      const times = { now, earlierEndsAt, endsEarlier }
      const outcome = await clients.replaceSecret(id, stored(secret, clock), times, event)
      if (outcome === 'replaced') return { secret, earlierEndsAt }
      if (outcome !== 'unknown') {
        throw new Refusal(
          'secret_rotation_pending',
          `an earlier secret still works until ${outcome.pendingUntil.toISOString()}: wait, or end it now with --end-earlier`,
        )
      }
      if (await clients.find(id))
        throw new Refusal('client_public', 'a public client has no secret to rotate')
      throw unknownClient(id)
    },

    /** Refuses the client everything and ends its refresh families, at once. */
    disable: (id: string, actor: string): Promise<Client> => setEnabled(id, false, actor),

    /**
     * Lets the client ask again. Families that ended stay ended. The client of the Django-shaped endpoints is made where
     * it is not there yet.
     */
    async enable(id: string, actor: string): Promise<Client> {
      if (id === DJANGO_CLIENT_ID) {
        const client = makeClient(id, DJANGO_CLIENT_DETAILS, clock.now())
        await clients.add(client, undefined, { event: 'client.created', actor, clientId: id })
      }
      return setEnabled(id, true, actor)
    },
  }

  async function setEnabled(id: string, isEnabled: boolean, actor: string): Promise<Client> {
    const event = { event: isEnabled ? 'client.enabled' : 'client.disabled', actor, clientId: id } as const
    if (!(await clients.setEnabled(id, isEnabled, clock.now(), event))) throw unknownClient(id)
    const client = await clients.find(id)
    if (!client) throw unknownClient(id)
    return client
  }
}

/** What an operator may do with clients. */
export type ClientAdministration = ReturnType<typeof clientAdministration>

function stored(secret: string, clock: Clock) {
  return { id: randomUUID(), digest: digestSecret(secret), createdAt: clock.now() }
}

function unknownClient(id: string): Refusal {
  return new Refusal('client_unknown', `there is no client ${JSON.stringify(id)}: see keyturn clients list`)
}

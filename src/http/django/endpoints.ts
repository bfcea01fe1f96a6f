import type { Client } from '../../clients/client.ts'
import { DJANGO_CLIENT_ID } from '../../clients/django-client.ts'
import type { ReadPresented } from '../../tokens/presented.ts'
import { authenticateByFirst } from '../authenticators/authenticator.ts'
import { type AuthenticatorParts, authenticators } from '../authenticators/authenticators.ts'
import { HttpError } from '../http-error.ts'
import type { Endpoint, Endpoints } from '../routes.ts'
import { type AuthtokenParts, authtokenEndpoint } from './authtoken.ts'
import { DjangoError, notFound } from './django-error.ts'
import { protectedEndpoint } from './protected.ts'
import { type SimplejwtParts, simplejwtEndpoints } from './simplejwt/endpoints.ts'

/** What the Django-shaped endpoints are built with. */
export interface DjangoParts
  extends Omit<SimplejwtParts & AuthtokenParts, 'openClient'>,
    Omit<AuthenticatorParts, 'isForUs'> {
  readonly readPresented: ReadPresented
  readonly issuer: string
}

/**
 * The Django-shaped door: the endpoints that a Django REST Framework project has, for clients that were written against
 * one (docs/from-django.md). It translates; what it does is done by the parts that the OAuth endpoints use.
 */
export function djangoEndpoints(parts: DjangoParts) {
  const { issuer } = parts
  const authenticate = authenticateByFirst(
    authenticators({
      ...parts,
      isForUs: ({ audience, clientId }) => audience.includes(issuer) || clientId === DJANGO_CLIENT_ID,
    }),
  )

  async function openClient(): Promise<Client> {
    const { client } = await parts.readPresented(DJANGO_CLIENT_ID)
    if (!client || client.client.disabledAt !== null) throw notFound('door_closed')
    return client.client
  }

  /** While the door is closed nothing behind it is there, not even its opinion of a request. */
  function behindDoor(endpoint: Endpoint): Endpoint {
    return async (ctx) => {
      try {
        await endpoint(ctx)
      } catch (error) {
        if (error instanceof DjangoError || error instanceof HttpError) await openClient()
        throw error
      }
    }
  }

  const { djangoTokenPair, djangoTokenRefresh, djangoTokenVerify, djangoTokenBlacklist } = simplejwtEndpoints(
    { ...parts, openClient },
  )
  return {
    djangoTokenPair: behindDoor(djangoTokenPair),
    djangoTokenRefresh: behindDoor(djangoTokenRefresh),
    djangoTokenVerify: behindDoor(djangoTokenVerify),
    djangoTokenBlacklist: behindDoor(djangoTokenBlacklist),
    djangoAuthtoken: behindDoor(authtokenEndpoint({ ...parts, openClient })),
    djangoProtected: behindDoor(protectedEndpoint(authenticate, openClient)),
  } satisfies Partial<Endpoints>
}

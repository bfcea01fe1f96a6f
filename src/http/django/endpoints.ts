import type { Authtokens } from '../../authtokens/authtokens.ts'
import type { ClientsOfOrigin } from '../../clients/allowed-origins.ts'
import type { Client } from '../../clients/client.ts'
import { DJANGO_CLIENT_ID } from '../../clients/django-client.ts'
import type { Clock } from '../../clock.ts'
import type { Lifetimes } from '../../tokens/lifetimes.ts'
import type { ReadPresented } from '../../tokens/presented.ts'
import type { Users } from '../../users/users.ts'
import { authenticateByFirst } from '../authenticators/authenticator.ts'
import { type AuthenticatorParts, authenticators } from '../authenticators/authenticators.ts'
import { csrfChecks } from '../dj-rest-auth/csrf.ts'
import { type AccountParts, type RestAuthParts, restAuthEndpoints } from '../dj-rest-auth/endpoints.ts'
import { tokenCookies } from '../dj-rest-auth/token-cookies.ts'
import { inBodies, inCookies } from '../dj-rest-auth/token-transport.ts'
import { HttpError } from '../http-error.ts'
import type { Endpoint, Endpoints } from '../route-table.ts'
import { type AuthtokenParts, authtokenEndpoint } from './authtoken.ts'
import { DjangoError, notFound } from './django-error.ts'
import { protectedEndpoint } from './protected.ts'
import { simplejwtEndpoints } from './simplejwt/endpoints.ts'
import { type SimplejwtTokenParts, simplejwtTokens } from './simplejwt/tokens.ts'
import { requestTokenPair, type TokenPairParts } from './token-pair.ts'

/** What the Django-shaped endpoints are built with. */
export interface DjangoParts
  extends TokenPairParts,
    Omit<SimplejwtTokenParts, 'request' | 'openClient'>,
    Omit<AuthtokenParts, 'openClient'>,
    AccountParts,
    Omit<AuthenticatorParts, 'isForUs' | 'cookies' | 'csrf'> {
  readonly authtokens: Authtokens
  readonly users: Users
  readonly readPresented: ReadPresented
  readonly settings: AuthenticatorParts['settings'] &
    Lifetimes &
    Pick<RestAuthParts, 'oldPasswordField' | 'emailVerification'>
  readonly issuer: string
  readonly origins: ClientsOfOrigin
  readonly clock: Clock
}

/**
 * The Django-shaped door: the endpoints that a Django REST Framework project has, for clients that were written against
 * one (docs/from-django.md). It translates; what it does is done by the parts that the OAuth endpoints use.
 */
export function djangoEndpoints(parts: DjangoParts) {
  const { issuer, settings } = parts
  const cookies = tokenCookies(issuer.startsWith('https:'))
  const csrf = csrfChecks({ issuer, cookies, origins: parts.origins })
  const authenticate = authenticateByFirst(
    authenticators({
      ...parts,
      cookies,
      csrf,
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

  const request = requestTokenPair(parts)
  const tokens = simplejwtTokens({ ...parts, request, openClient })
  const simplejwt = simplejwtEndpoints({ request, tokens })
  const restAuth = restAuthEndpoints({
    ...parts,
    mode: settings.restAuth,
    transport: settings.restAuth === 'cookie' ? inCookies({ cookies, csrf, lifetimes: settings }) : inBodies,
    oldPasswordField: settings.oldPasswordField,
    emailVerification: settings.emailVerification,
    request,
    tokens,
    blacklist: tokens.blacklist,
    tokenVerify: simplejwt.djangoTokenVerify,
    authenticate,
    openClient,
  })
  const endpoints = {
    ...simplejwt,
    ...restAuth,
    djangoAuthtoken: authtokenEndpoint({ ...parts, openClient }),
    djangoProtected: protectedEndpoint(authenticate, openClient),
  } satisfies Partial<Endpoints>
  return Object.fromEntries(
    Object.entries(endpoints).map(([name, endpoint]) => [name, behindDoor(endpoint)]),
  ) as { readonly [Name in keyof typeof endpoints]: Endpoint }
}

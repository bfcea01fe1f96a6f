import type { ClientDetails } from './client-details.ts'

/**
 * The client that the Django-shaped endpoints act for: their bodies name none, but what they issue needs an owner with
 * scopes, audiences, lifetimes and a late policy. It is made by the first `keyturn clients enable django`, and the
 * endpoints are not there until then, nor while it is disabled.
 */
export const DJANGO_CLIENT_ID = 'django'

/** What it is made of. Without audiences its tokens are for the issuer itself. */
export const DJANGO_CLIENT_DETAILS: ClientDetails = {
  name: 'Django-shaped endpoints',
  isPublic: true,
  isFirstParty: true,
  grants: ['password', 'refresh_token'],
}

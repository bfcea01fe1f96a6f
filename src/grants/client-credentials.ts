import { chooseAudience } from '../oauth/resource.ts'
import { narrowScope } from '../oauth/scope.ts'
import type { Grant } from './grant.ts'

/** RFC 6749 §4.4: the client acts for itself. No refresh token (§4.4.3): the client can ask again at any time. */
export function clientCredentials(issuer: string): Grant {
  return {
    type: 'client_credentials',

    async authorize({ form, client }) {
      const scope = narrowScope(form.optional('scope'), client.scopes)
      const audience = chooseAudience(form.many('resource'), client.audiences, issuer)
      return {
        client,
        subject: { kind: 'client' },
        scope,
        audience,
        refreshable: { scope: [], audience: [] },
      }
    },
  }
}

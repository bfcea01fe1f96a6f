import type { ApiKey } from '../api-keys/api-key.ts'
import type { CheckApiKey } from '../api-keys/authentication.ts'
import { OAuthError } from '../oauth/errors.ts'
import type { Form } from '../oauth/form.ts'
import { chooseAudience } from '../oauth/resource.ts'
import { narrowScope } from '../oauth/scope.ts'
import type { IssueTokens, TokenResponse } from '../tokens/issuer.ts'

/** RFC 8693 §3 has no type for one: a name of ours. */
const API_KEY_TYPE = 'urn:keyturn:token-type:api-key'
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

/** The answer to an exchange (RFC 8693 §2.2.1). */
export interface ExchangeResponse extends TokenResponse {
  readonly issued_token_type: typeof ACCESS_TOKEN_TYPE
}

/** Exchanges what a form presents for an access token. */
export type ExchangeToken = (authorization: string, form: Form) => Promise<ExchangeResponse>

/**
 * RFC 8693: an API key for a short-lived access token, so that resource servers need to know nothing of keys. The key
 * authenticates the request: there is no client beside it. The token reaches what the key reaches or less; there is no refresh
 * token, since the key can be exchanged again at any time.
 * The returned function throws OAuthError, and Unavailable when it cannot be told.
 * @param parts.requireSigner throws Unavailable when nothing could be signed now
 * @param parts.noteKey told of each key that was right
 */
export function tokenExchange(parts: {
  checkApiKey: CheckApiKey
  issue: IssueTokens
  requireSigner: () => void
  issuer: string
  noteKey: (apiKey: ApiKey) => void
}): ExchangeToken {
  const { checkApiKey, issue, requireSigner, issuer, noteKey } = parts

  return async (authorization, form) => {
    checkForm(authorization, form)
    const checked = await checkApiKey(form.required('subject_token'))
    if (checked.outcome === 'refused') {
      throw new OAuthError('invalid_grant', 'the API key is not valid', { reason: checked.reason })
    }
    const { apiKey } = checked
    noteKey(apiKey)
    const scope = narrowScope(form.optional('scope'), apiKey.scopes)
    const targets = [...form.many('resource'), ...form.many('audience')]
    const audience = chooseAudience(targets, apiKey.audiences, issuer)
    requireSigner()
    const response = await issue({
      client: {
        id: apiKey.id,
        grants: [],
        accessTokenAlg: null,
        accessTokenTtlSeconds: apiKey.accessTokenTtlSeconds,
        refreshIdleTtlSeconds: null,
        refreshAbsoluteTtlSeconds: null,
        unrememberedTtlSeconds: null,
      },
      subject: { kind: 'api_key', keyId: apiKey.id, user: apiKey.user },
      scope,
      audience,
      refreshable: { scope: [], audience: [] },
    })
    return { ...response, issued_token_type: ACCESS_TOKEN_TYPE }
  }
}

/** Everything about the request that the key does not decide. */
function checkForm(authorization: string, form: Form): void {
  const names = ['client_id', 'client_secret', 'client_assertion']
  if (authorization !== '' || names.some((name) => form.optional(name) !== undefined)) {
    throw new OAuthError(
      'invalid_request',
      'the API key authenticates this request: send no client with it',
      {
        reason: 'exchange_with_client',
      },
    )
  }
  if (form.required('subject_token_type') !== API_KEY_TYPE) {
    throw new OAuthError('invalid_request', `subject_token_type must be ${API_KEY_TYPE}`, {
      reason: 'subject_token_type_unknown',
    })
  }
  if (![undefined, ACCESS_TOKEN_TYPE].includes(form.optional('requested_token_type'))) {
    throw new OAuthError('invalid_request', `requested_token_type must be ${ACCESS_TOKEN_TYPE}`, {
      reason: 'requested_token_type_unknown',
    })
  }
  if (form.optional('actor_token') !== undefined) {
    throw new OAuthError('invalid_request', 'nobody acts for another here: send no actor_token', {
      reason: 'actor_token',
    })
  }
}

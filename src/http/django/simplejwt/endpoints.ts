import { OAuthError } from '../../../oauth/errors.ts'
import type { Endpoints } from '../../route-table.ts'
import { saysYes, textFields } from '../fields.ts'
import { readFields } from '../read-body.ts'
import type { RequestTokenPair } from '../token-pair.ts'
import { doorClosed, loginRefused } from './refusals.ts'
import type { SimplejwtTokens } from './tokens.ts'

/** What simplejwt's endpoints are translated into. */
export interface SimplejwtParts {
  readonly request: RequestTokenPair
  readonly tokens: SimplejwtTokens
}

/**
 * POST /api/token/, /api/token/refresh/, /api/token/verify/ and /api/token/blacklist/ as djangorestframework-simplejwt
 * has them from 5.5 on. A translation: the tokens are those of the token endpoint, for the client `django`. None of them
 * looks at the Authorization header.
 */
export function simplejwtEndpoints({ request, tokens }: SimplejwtParts) {
  return {
    async djangoTokenPair(ctx) {
      const fields = await readFields(ctx)
      const { username, password } = textFields(fields, { username: {}, password: {} })
      const rememberMe = String(saysYes(fields.get('remember_me')))
      try {
        const { access, refresh } = await request(ctx, {
          grant_type: 'password',
          username,
          password,
          remember_me: rememberMe,
        })
        ctx.body = { refresh, access }
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error
        throw doorClosed(error) ?? loginRefused(error)
      }
    },

    async djangoTokenRefresh(ctx) {
      const given = textFields(await readFields(ctx), { refresh: {} })
      const { access, refresh } = await tokens.refresh(ctx, given.refresh)
      ctx.body = { access, refresh }
    },

    async djangoTokenVerify(ctx) {
      const { token } = textFields(await readFields(ctx), { token: {} })
      await tokens.verify(token)
      ctx.body = {}
    },

    async djangoTokenBlacklist(ctx) {
      const { refresh } = textFields(await readFields(ctx), { refresh: {} })
      await tokens.blacklist(refresh)
      ctx.body = {}
    },
  } satisfies Partial<Endpoints>
}

import type { Context } from 'koa'
import type { User } from '../../users/user.ts'
import type { Users } from '../../users/users.ts'
import type { Authenticate } from '../authenticators/authenticator.ts'
import { DjangoError, invalidFields } from '../django/django-error.ts'
import { textFields } from '../django/fields.ts'
import { readFields } from '../django/read-body.ts'
import type { Endpoints } from '../route-table.ts'
import { requireAccountHolder } from './account-holder.ts'
import { userDetails } from './user-details.ts'
import { requireUsername, USERNAME_TAKEN } from './username.ts'

/** Of Django's columns. */
const NAME = { optional: true, blank: true, maxLength: 150 } as const

/** What a user's own details are shown and changed with. */
export interface RestAuthUserParts {
  readonly authenticate: Authenticate
  readonly users: Pick<Users, 'find' | 'update'>
  /** @throws DjangoError 404 while the door is closed */
  readonly openClient: () => Promise<unknown>
}

/** GET, PUT and PATCH /dj-rest-auth/user/: who is signed in, and what they are called. */
export function restAuthUser({ authenticate, users, openClient }: RestAuthUserParts) {
  async function change(ctx: Context, fields: { username: string | undefined } & Names): Promise<void> {
    const { userId } = requireAccountHolder(await authenticate(ctx))
    const { username, first_name, last_name } = fields
    if (username !== undefined) requireUsername(username, known(await users.find(userId)))
    const extra = {
      ...(first_name !== undefined && { first_name }),
      ...(last_name !== undefined && { last_name }),
    }
    const event = { event: 'user.updated', actor: `user:${userId}`, userId } as const
    const user = await users.update(userId, { ...(username !== undefined && { username }), extra }, event)
    if (user === 'taken') throw invalidFields({ username: [USERNAME_TAKEN] }, 'username_taken')
    ctx.body = userDetails(known(user))
  }

  return {
    async restAuthUser(ctx) {
      await openClient()
      const { userId } = await authenticate(ctx)
      ctx.body = userDetails(known(await users.find(userId)))
    },

    async restAuthUserPut(ctx) {
      const fields = textFields(await readFields(ctx), { username: {}, first_name: NAME, last_name: NAME })
      await openClient()
      await change(ctx, fields)
    },

    async restAuthUserPatch(ctx) {
      const given = await readFields(ctx)
      const names = { first_name: NAME, last_name: NAME }
      const fields = given.has('username')
        ? textFields(given, { username: {}, ...names })
        : { username: undefined, ...textFields(given, names) }
      await openClient()
      await change(ctx, fields)
    },
  } satisfies Partial<Endpoints>
}

interface Names {
  readonly first_name: string | undefined
  readonly last_name: string | undefined
}

function known(user: User | undefined): User {
  if (user) return user
  throw new DjangoError(401, { detail: 'User not found', code: 'user_not_found' }, 'user_gone')
}

import type { Context } from 'koa'
import { DjangoError } from './django-error.ts'

/** The media types that `readFields` reads. */
const PARSES = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data']

/**
 * What each answer of a Django-shaped endpoint has, the refusals too: `Allow`, and JSON without a charset.
 * @param allow the methods of the path
 * @throws DjangoError 406 for who accepts no JSON; who wants a page gets JSON all the same
 */
export function beginDjango(ctx: Context, allow: string): void {
  ctx.state['isDjango'] = true
  ctx.set({ allow, 'content-type': 'application/json' })
  ctx.vary('Accept')
  if (!ctx.accepts('json', 'html')) {
    throw new DjangoError(406, { detail: 'Could not satisfy the request Accept header.' }, 'not_acceptable')
  }
}

/** Whether the request is for a Django-shaped endpoint. */
export function isDjango(ctx: Context): boolean {
  return ctx.state['isDjango'] === true
}

/** OPTIONS: as much as a client can use of what Django REST Framework says of a view. */
export async function describeDjango(ctx: Context): Promise<void> {
  ctx.body = { name: ctx.path, description: '', renders: ['application/json'], parses: PARSES }
}

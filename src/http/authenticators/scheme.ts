import type { Context } from 'koa'
import { DjangoError } from '../django/django-error.ts'

/**
 * The words after a scheme in the Authorization header; undefined where there is none, or another scheme. The scheme
 * counts in any case (RFC 9110 §11.1).
 * @param scheme in lower case
 * @throws DjangoError 401 for two headers: a proxy in front may have looked at another one
 */
export function wordsAfter(scheme: string, ctx: Context): string[] | undefined {
  const names = ctx.req.rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization',
  )
  if (names.length > 1) {
    throw new DjangoError(401, { detail: 'Invalid Authorization header.' }, 'authorization_twice')
  }
  const words = ctx.get('authorization').split(/[ \t]/)
  const [given, ...rest] = words.filter((word) => word !== '')
  return given?.toLowerCase() === scheme ? rest : undefined
}

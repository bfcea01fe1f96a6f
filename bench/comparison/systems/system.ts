import type { Operation, Session } from '../load/protocol.ts'

/** What every system is asked for, where it has it. */
export type OperationName = 'client_credentials' | 'refresh' | 'login' | 'introspection' | 'jwks'

/** Something that issues tokens, running and ready to be measured. */
export interface System {
  readonly name: SystemName
  readonly origin: string
  /** The root of each part's processes: the server with all its children, and the stores that it alone uses. */
  readonly parts: { readonly server: number; readonly redis?: number; readonly postgres?: number }
  readonly operations: Partial<Record<OperationName, Operation>>
  /** One for each connection: its own chain of refresh tokens. */
  readonly sessions: readonly Session[]
  /** Has another signing key take over at once, where that needs no restart. */
  rotateKey?(): Promise<void>
  stop(): Promise<void>
}

/** Every system there is, with what it is called in reports. */
export const SYSTEM_TITLES = {
  'keyturn-standard': 'Keyturn, PostgreSQL + Redis',
  'keyturn-small': 'Keyturn, PostgreSQL',
  'keyturn-embedded': 'Keyturn, embedded',
  'oidc-provider': 'oidc-provider 9.13.3, Redis',
  'django-tuned': 'DRF + simplejwt, tuned',
  'django-installed': 'DRF + simplejwt, as installed',
  'floor-koa': 'floor: Koa + jose',
  'floor-http': 'floor: node:http + signature',
} as const

export type SystemName = keyof typeof SYSTEM_TITLES

export const SYSTEM_NAMES = Object.keys(SYSTEM_TITLES) as SystemName[]

/** As many as the widest scenario has connections, and those of a second stream beside it. */
export const SESSIONS = 64

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** How a client says who it is (RFC 6749 §2.3.1); neither part needs encoding here. */
export function basic(id: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

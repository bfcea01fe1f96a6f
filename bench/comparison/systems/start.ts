import { startDjango } from './django.ts'
import { startFloor } from './floors.ts'
import { startKeyturnSystem } from './keyturn.ts'
import { startOidcProvider } from './oidc-provider.ts'
import type { System, SystemName } from './system.ts'

/** How each of them is started. */
export const START: Readonly<Record<SystemName, () => Promise<System>>> = {
  'keyturn-standard': () => startKeyturnSystem('standard'),
  'keyturn-small': () => startKeyturnSystem('small'),
  'keyturn-embedded': () => startKeyturnSystem('embedded'),
  'oidc-provider': startOidcProvider,
  'django-tuned': () => startDjango(true),
  'django-installed': () => startDjango(false),
  'floor-koa': () => startFloor('floor-koa'),
  'floor-http': () => startFloor('floor-http'),
}

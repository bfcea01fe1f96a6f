import type { Strategy } from '../strategy.ts'
import { counterPreviousReturnsCurrent } from './counter-previous-returns-current.ts'
import { graceDisplacedChild } from './grace-displaced-child.ts'
import { graceNewChild } from './grace-new-child.ts'
import { keyturn } from './keyturn.ts'
import { previousUntilUsed } from './previous-until-used.ts'
import { strictSingleUse } from './strict-single-use.ts'

/** What is compared, in the order of the tables. */
export const STRATEGIES: readonly Strategy[] = [
  strictSingleUse,
  graceNewChild,
  previousUntilUsed,
  counterPreviousReturnsCurrent,
  graceDisplacedChild,
  keyturn({
    id: 'keyturn-no-anchor',
    title: 'Keyturn without its record',
    latePolicy: 'by client class',
    anchored: false,
  }),
  keyturn({ id: 'keyturn-revoke', title: 'Keyturn, late = revoke', latePolicy: 'revoke', anchored: true }),
  keyturn({
    id: 'keyturn-supersede',
    title: 'Keyturn, late = supersede',
    latePolicy: 'supersede',
    anchored: true,
  }),
  keyturn({
    id: 'keyturn',
    title: 'Keyturn as shipped',
    latePolicy: 'by client class',
    anchored: true,
  }),
]

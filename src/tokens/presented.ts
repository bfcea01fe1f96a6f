import type { ClientWithSecrets } from '../clients/client.ts'
import type { RefreshFamily } from './refresh-families.ts'

/** The user of a family, as far as tokens say it. */
export interface TokenUser {
  readonly id: string
  readonly username: string
}

/** A family as a request presents it, with all that decides whether it may still be used. */
export interface PresentedFamily {
  readonly family: RefreshFamily
  readonly user: TokenUser
  readonly userIsActive: boolean
  /**
   * Whether the family has ended, by itself or with its session, its client or a cutoff of either. It is told for the
   * client that presents it: of another's family it says nothing, and nobody is to act on one.
   */
  readonly sessionEnded: boolean
  readonly authenticatedAt: Date
}

/** What a request presents, read together: who it says it is, and the family its refresh token names. */
export interface Presented {
  readonly client: ClientWithSecrets | undefined
  readonly family: PresentedFamily | undefined
}

/**
 * Reads what a request presents: one query, shared by the requests of one turn of the event loop.
 * @param clientId as presented; anything that cannot be an id finds nothing
 * @param familyId of a refresh token whose tag holds, where there is one
 * @throws Unavailable
 */
export type ReadPresented = (clientId: string, familyId?: Buffer) => Promise<Presented>

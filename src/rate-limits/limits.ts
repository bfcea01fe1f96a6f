/** So many at once, and after that one as often as fits: 20 in an hour is one every three minutes. */
export interface Tier {
  readonly count: number
  readonly perSeconds: number
}

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/**
 * Every limit: what it counts, and the tiers that each of them has to pass. Several tiers make a delay that grows: whoever
 * goes on failing waits seconds, then minutes, then a quarter of an hour, and is never locked out for good.
 */
export const LIMITS = {
  /** Failed logins to one account from one network. */
  login_account_network: [
    { count: 5, perSeconds: MINUTE },
    { count: 20, perSeconds: HOUR },
    { count: 60, perSeconds: DAY },
  ],
  /** Failed logins to one account from anywhere, but for networks from which its user is signed in (OWASP ASVS 6.3.1: 100 an hour). */
  login_account: [{ count: 100, perSeconds: HOUR }],
  /** Failed logins from one network to whatever accounts: one password tried on all of them. */
  login_network: [
    { count: 30, perSeconds: MINUTE },
    { count: 200, perSeconds: HOUR },
  ],
  /** Client authentications that failed, of one client from one network. */
  client_network: [
    { count: 60, perSeconds: MINUTE },
    { count: 600, perSeconds: HOUR },
  ],
  /** Accounts that are registered from one network: an office, a class. */
  registration_network: [
    { count: 20, perSeconds: HOUR },
    { count: 60, perSeconds: DAY },
  ],
  /** Mails that are asked for from one network, and for one address. */
  mail_network: [{ count: 30, perSeconds: HOUR }],
  mail_address: [
    { count: 3, perSeconds: 15 * MINUTE },
    { count: 10, perSeconds: DAY },
  ],
} as const satisfies Readonly<Record<string, readonly Tier[]>>

export type LimitName = keyof typeof LIMITS

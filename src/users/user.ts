/** A person who can sign in. */
export interface User {
  /** The `sub` of the user's tokens: a UUID, or the number the user had where it was brought along from. */
  readonly id: string
  readonly username: string
  readonly email: string | null
  /** Whether the user may sign in and keep what it has. */
  readonly isActive: boolean
  readonly isStaff: boolean
  readonly isSuperuser: boolean
  readonly joinedAt: Date
  readonly lastLoginAt: Date | null
  /** Free fields of the operator's; never claims. */
  readonly extra: Readonly<Record<string, unknown>>
}

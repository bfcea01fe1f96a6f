import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Hasher } from '../passwords/hasher.ts'
import { passwordFaults } from '../passwords/password-faults.ts'
import { Refusal } from '../refusal.ts'
import { checkChosenUsername, normalizeIdentifier } from './identifier.ts'
import type { NewUser, Users } from './users.ts'

/** What somebody registers with. */
export interface Registration {
  readonly username: string
  readonly email: string | null
  readonly password: string
}

/** What is wrong with a registration; of the password in Django's words. */
export interface RegistrationFaults {
  readonly username?: Refusal | 'taken'
  readonly email?: 'taken'
  readonly password?: readonly string[]
}

/** What became of it. */
export type RegistrationOutcome =
  | { readonly outcome: 'registered' }
  /** Somebody has the address, and must not be told here (`hidesTakenEmail`). */
  | { readonly outcome: 'email_taken' }
  | { readonly outcome: 'refused'; readonly faults: RegistrationFaults }

/** Makes an account for whoever asks. @throws Unavailable */
export type Register = (registration: Registration) => Promise<RegistrationOutcome>

/**
 * Makes it.
 * @param options.mustVerify the user may not sign in before the address is verified. Then it is not told either whether
 * somebody has it: who does gets mail instead
 */
export function makeRegister({
  users,
  hasher,
  clock,
  mustVerify,
  makeAuthtoken,
}: {
  users: Pick<Users, 'add' | 'findHolders'>
  hasher: Pick<Hasher, 'hash'>
  clock: Clock
  mustVerify: boolean
  /** Where each new user gets an authtoken. */
  makeAuthtoken?: ((userId: string, actor: string) => Promise<unknown>) | undefined
}): Register {
  async function takenOf({
    username,
    email,
  }: {
    username?: string
    email: string | null
  }): Promise<Pick<RegistrationFaults, 'username' | 'email'>> {
    const names = [username, email].filter((name) => typeof name === 'string')
    const { byIdentifier } = await users.findHolders(names, [])
    const isTaken = (name: string | null | undefined) => byIdentifier.has(normalizeIdentifier(name ?? ''))
    return {
      ...(isTaken(username) && { username: 'taken' }),
      ...(isTaken(email) && { email: 'taken' }),
    }
  }

  async function faultsOf(registration: Registration): Promise<RegistrationFaults> {
    const { username, email, password } = registration
    const refusal = refusalOf(username, email)
    const faults = await passwordFaults(password, { username, email })
    // What nobody can be called is not looked up.
    const taken = refusal ? await takenOf({ email }) : await takenOf({ username, email })
    return {
      ...taken,
      ...(refusal && { username: refusal }),
      ...(faults.length > 0 && { password: faults }),
    }
  }

  return async (registration) => {
    const faults = await faultsOf(registration)
    const { email: emailFault, ...others } = faults
    if (Object.keys(mustVerify ? others : faults).length > 0)
      return { outcome: 'refused', faults: mustVerify ? others : faults }
    // Computed in any case: the time must not tell.
    const passwordHash = await hasher.hash(registration.password)
    if (emailFault) return { outcome: 'email_taken' }
    const user = newUser(registration, passwordHash, clock.now(), mustVerify)
    const event = {
      event: 'user.created',
      actor: `user:${user.id}`,
      userId: user.id,
      details: { isSuperuser: false, registered: true },
    } as const
    if (await users.add(user, event)) {
      await makeAuthtoken?.(user.id, event.actor)
      return { outcome: 'registered' }
    }
    // Somebody was a moment quicker.
    const taken = await takenOf(registration)
    return mustVerify && taken.username === undefined
      ? { outcome: 'email_taken' }
      : { outcome: 'refused', faults: taken }
  }
}

function newUser(
  registration: Registration,
  passwordHash: string,
  joinedAt: Date,
  mustVerify: boolean,
): NewUser {
  const { username, email } = registration
  const flags = { isActive: true, isStaff: false, isSuperuser: false, awaitsEmail: mustVerify }
  return { id: randomUUID(), username, email, passwordHash, ...flags, joinedAt, extra: {} }
}

function refusalOf(username: string, email: string | null): Refusal | undefined {
  try {
    checkChosenUsername(username, email)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

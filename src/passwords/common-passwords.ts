/**
 * Whether a password is among the 49,000 that are found most often where passwords were stolen, in any case.
 * The list is loaded at the first question (35 ms, 15 MB): most processes never ask.
 */
export async function isCommonPassword(password: string): Promise<boolean> {
  return (await commonPasswords()).has(password.trim().toLowerCase())
}

let loaded: Promise<ReadonlySet<string>> | undefined

function commonPasswords(): Promise<ReadonlySet<string>> {
  loaded ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set<string>(dictionary['passwords-common']),
  )
  return loaded
}

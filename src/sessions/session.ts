/** Why a session or a family ended; kept for the operator who asks. */
export type EndReason =
  | 'password_changed'
  | 'user_disabled'
  | 'client_disabled'
  | 'revoked'
  | 'reuse'
  | 'future'

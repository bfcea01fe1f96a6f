/** How long the row of an ended or expired session is kept, so that an operator can still ask what happened. */
export const KEPT_AFTER_END = "interval '7 days'"

/** Whether session `s` stands: nobody has ended it, and it is not older than what an operator ended all before. */
export const SESSION_STANDS = `(s.ended_at is null
  and s.created_at >= coalesce((select ended_before from session_cutoff), '-infinity'))`

/** Whether what client `client` began at `createdAt` stands as far as the client decides it. */
export function clientLets(client: string, createdAt: string): string {
  return `(${client}.disabled_at is null and ${createdAt} >= coalesce(${client}.families_end_before, '-infinity'))`
}

/** Whether family `f`, which is client `client`'s, stands. Its session, its user and its expiry are for others to ask. */
export function familyStands(client: string): string {
  return `(f.ended_at is null and ${clientLets(client, 'f.created_at')})`
}

/**
 * Where to read sessions from: `s`, with its user `u`, its client `c` and `families`, what its families say together.
 * @param now a placeholder: expiry is by the clock that set it, the node's, unlike the cutoffs
 */
export function sessionsWithFacts(now: string): string {
  return `sessions s join users u on u.id = s.user_id
    left join lateral (
      select bool_or(${familyStands('fc')} and f.idle_expires_at > ${now}) as live, max(f.rotated_at) as rotated_at,
        min(f.client_id) as client_id, max(f.end_reason) as end_reason
      from refresh_families f join clients fc on fc.id = f.client_id where f.session_id = s.id
    ) families on true
    left join clients c on c.id = coalesce(s.client_id, families.client_id)`
}

/**
 * Whether a session, read from the above, is live. One that never had a family lasts as long as its access token.
 * @param now the same placeholder
 */
export function isLive(now: string): string {
  return `(${SESSION_STANDS} and u.is_active and coalesce(families.live,
    (c.id is null or ${clientLets('c', 's.created_at')}) and s.remove_after - ${KEPT_AFTER_END} > ${now}))`
}

/** Why a session, read from the above, has ended; null where nobody ended it. */
export const END_REASON = `case
  when s.ended_at is not null then s.end_reason
  when not ${SESSION_STANDS} then 'issued_before'
  when not u.is_active then 'user_disabled'
  when families.end_reason is not null then families.end_reason
  when c.disabled_at is not null then 'client_disabled'
  when c.id is not null and not ${clientLets('c', 's.created_at')} then 'client_ended'
end`

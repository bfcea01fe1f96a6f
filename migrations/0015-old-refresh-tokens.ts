import type { Knex } from 'knex'

/**
 * Refresh tokens that a Django project issued, and that are swapped for ours: which ones count, and which are used up. Only the
 * id of each, which is worth nothing without the signature. `version` is a user's first authtoken_version: what ends
 * all credentials of the user ends these.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table old_refresh_tokens (
      jti text primary key,
      user_id text not null references users on delete cascade,
      expires_at timestamptz not null,
      is_blacklisted boolean not null default false,
      version integer not null,
      swapped_at timestamptz
    );
    create index old_refresh_tokens_by_user on old_refresh_tokens (user_id);
    create index old_refresh_tokens_by_expiry on old_refresh_tokens (expires_at);
  `)
}

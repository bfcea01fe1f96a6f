import type { Knex } from 'knex'

/**
 * API keys: for programs, of a user or of nobody. The prefix finds the row, the digest (or, until its first use, the hash that
 * an earlier system stored) says whether the key is right.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table api_keys (
      id text primary key,
      prefix text not null unique,
      digest bytea,
      imported_hash text check ((digest is null) <> (imported_hash is null)),
      name text not null,
      user_id text references users on delete cascade,
      scopes text[] not null default '{}',
      audiences text[] not null default '{}',
      access_token_ttl_seconds integer,
      created_at timestamptz not null,
      expires_at timestamptz,
      revoked_at timestamptz,
      last_used_at timestamptz
    );
    create index api_keys_by_user on api_keys (user_id) where user_id is not null;
  `)
}

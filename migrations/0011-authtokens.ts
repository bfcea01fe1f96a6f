import type { Knex } from 'knex'

/**
 * The opaque keys of Django REST Framework, as digests. A key stands while its version is its user's: raising the user's
 * ends them all in one row's work, and gives the derived one another value.
 * Only adds: the previous release goes on beside it.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table users add column authtoken_version integer not null default 1;
    create table authtokens (
      id text primary key,
      user_id text not null references users on delete cascade,
      kind text not null check (kind in ('default', 'named', 'imported')),
      name text check ((kind = 'named') = (name is not null)),
      digest bytea not null unique,
      version integer not null,
      key_version integer check ((kind = 'default') = (key_version is not null)),
      created_at timestamptz not null,
      expires_at timestamptz,
      last_used_at timestamptz
    );
    create index authtokens_by_user on authtokens (user_id);
    create unique index authtokens_default on authtokens (user_id) where kind = 'default';
    create unique index authtokens_by_name on authtokens (user_id, name) where kind = 'named';
  `)
}

import type { Knex } from 'knex'

/** Clients and their secrets. An id has no hyphen and starts with a letter, so it is never a user's id. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table clients (
      id text primary key check (id ~ '^[a-z][a-z0-9_]{2,63}$'),
      name text not null,
      is_confidential boolean not null,
      is_native boolean not null default false,
      is_first_party boolean not null default false,
      grants text[] not null default '{}',
      scopes text[] not null default '{}',
      audiences text[] not null default '{}',
      redirect_uris text[] not null default '{}',
      authentication_methods text[] not null,
      late_policy text not null check (late_policy in ('supersede', 'revoke')),
      access_token_ttl_seconds integer,
      refresh_idle_ttl_seconds integer,
      refresh_absolute_ttl_seconds integer,
      created_at timestamptz not null,
      disabled_at timestamptz
    );
    create table client_secrets (
      id text primary key,
      client_id text not null references clients on delete cascade,
      digest bytea not null unique,
      created_at timestamptz not null,
      expires_at timestamptz,
      last_used_at timestamptz
    );
    create index client_secrets_by_client on client_secrets (client_id);
  `)
}

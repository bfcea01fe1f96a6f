import type { Knex } from 'knex'

/**
 * What a person recognises a session by, and the two cutoffs that end many at once: whatever a client, or anybody, began
 * before such a moment has ended, without its rows being touched. Both are compared with `created_at`, which is the
 * database's time from here on, so that no node's clock decides what has ended.
 * Only adds: the previous release goes on beside it, leaving the new columns empty.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table sessions
      add column client_id text,
      add column address text,
      add column user_agent text check (length(user_agent) <= 512),
      add column authentication_methods text[] not null default '{}';
    create index sessions_by_creation on sessions (created_at, id);
    create index sessions_by_client on sessions (client_id, created_at, id) where client_id is not null;

    alter table clients add column families_end_before timestamptz;
    create table session_cutoff (
      is_only boolean primary key default true check (is_only),
      ended_before timestamptz not null
    );
  `)
}

import type { Knex } from 'knex'

/** What happened, to whom, by whom: written in the transaction of the change that it describes. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table audit_events (
      id bigint generated always as identity primary key,
      at timestamptz not null,
      event text not null,
      actor text not null,
      user_id text,
      client_id text,
      request_id text,
      address text,
      details jsonb not null default '{}'
    );
    create index audit_events_by_time on audit_events (at);
  `)
}

import type { Knex } from 'knex'

/**
 * Who is told of what happens. The audit log is what waits to be told: `position` is how far in its chain a webhook has been
 * told. What nobody would take after many tries is kept in `webhook_failures`, with what was to be said.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table webhooks (
      id text primary key,
      url text not null,
      events text[] not null,
      key_version integer not null,
      position bigint not null,
      attempts integer not null default 0,
      due_at timestamptz not null,
      last_error text,
      last_delivered_at timestamptz,
      created_at timestamptz not null,
      disabled_at timestamptz
    );

    create table webhook_failures (
      id bigint generated always as identity primary key,
      webhook_id text not null references webhooks on delete cascade,
      event_id text not null,
      event text not null,
      body text not null,
      reason text not null,
      failed_at timestamptz not null,
      retry_at timestamptz
    );
    create index webhook_failures_by_webhook on webhook_failures (webhook_id, id);
    create index webhook_failures_by_retry on webhook_failures (retry_at) where retry_at is not null;
  `)
}

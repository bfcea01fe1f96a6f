import type { Knex } from 'knex'

/**
 * What users do for themselves: mails that wait to be sent, the links that are in them, and whether an e-mail address has
 * been shown to be its user's.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table users
      add column email_verified_at timestamptz,
      add column awaits_email boolean not null default false;

    create table links (
      digest bytea primary key,
      purpose text not null,
      user_id text not null references users on delete cascade,
      email text not null,
      password_changed_at timestamptz,
      created_at timestamptz not null,
      expires_at timestamptz not null
    );
    create index links_by_user on links (user_id, purpose);
    create index links_by_expiry on links (expires_at);

    create table mail_outbox (
      id bigint generated always as identity primary key,
      purpose text not null,
      recipient text not null,
      requested_at timestamptz not null,
      request_id text,
      address text,
      attempts integer not null default 0,
      due_at timestamptz not null,
      unique (purpose, recipient)
    );
    create index mail_outbox_by_due on mail_outbox (due_at);
  `)
}

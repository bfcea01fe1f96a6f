import type { Knex } from 'knex'

/**
 * Users, and the one namespace that usernames and e-mail addresses share: nobody can register a username that is
 * another's address. A user's id is a UUID or, when it was brought along from elsewhere, a decimal number; a client's
 * id can be neither, so a `sub` never means two things.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table users (
      id text primary key
        check (id ~ '^([0-9]{1,20}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$'),
      username text not null,
      email text check (email <> ''),
      password_hash text,
      is_active boolean not null default true,
      is_staff boolean not null default false,
      is_superuser boolean not null default false,
      joined_at timestamptz not null,
      last_login_at timestamptz,
      password_changed_at timestamptz,
      extra jsonb not null default '{}'
    );
    create table user_identifiers (
      identifier text primary key,
      user_id text not null references users on delete cascade
    );
    create index user_identifiers_by_user on user_identifiers (user_id);
  `)
}

import type { Knex } from 'knex'

/**
 * Sessions (one login on one device), the refresh families under them, and the access tokens that ended early. A
 * family's position in its chain is anchored here; the fill factor leaves room for those updates on the same page.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table sessions (
      id text primary key,
      user_id text not null references users on delete cascade,
      authenticated_at timestamptz not null,
      created_at timestamptz not null,
      ended_at timestamptz,
      end_reason text,
      remove_after timestamptz not null
    );
    create index sessions_by_user on sessions (user_id);
    create index sessions_by_removal on sessions (remove_after);

    create table refresh_families (
      id bytea primary key check (length(id) = 16),
      session_id text not null references sessions on delete cascade,
      user_id text not null references users on delete cascade,
      client_id text not null references clients on delete cascade,
      scope text[] not null,
      audience text[] not null,
      salt bytea not null check (length(salt) = 16),
      created_at timestamptz not null,
      absolute_expires_at timestamptz not null,
      idle_expires_at timestamptz not null,
      generation integer not null,
      predecessor integer not null,
      rotated_at timestamptz not null,
      key_version integer not null,
      late_used boolean not null default false,
      ended_at timestamptz,
      end_reason text
    ) with (fillfactor = 80);
    create index refresh_families_by_session on refresh_families (session_id);
    create index refresh_families_by_user on refresh_families (user_id);
    create index refresh_families_by_client on refresh_families (client_id);

    create table revoked_access_tokens (
      jti text primary key,
      expires_at timestamptz not null
    );
    create index revoked_access_tokens_by_expiry on revoked_access_tokens (expires_at);
  `)
}

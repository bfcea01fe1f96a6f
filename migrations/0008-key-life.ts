import type { Knex } from 'knex'

/**
 * When a signing key was revoked, and the nodes that serve: what they advertise about the JWKS decides how long a key
 * must be published before it signs. A node of the previous release goes on publishing a revoked key until it is
 * replaced, and is not listed among the nodes.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table signing_keys add column revoked_at timestamptz;
    create table nodes (
      id text primary key,
      seen_at timestamptz not null,
      stopped_at timestamptz,
      jwks_max_age_seconds double precision not null,
      sealing_keys text[] not null,
      signs_with text
    );
  `)
}

import type { Knex } from 'knex'

/**
 * Signing keys, whose phase follows from their times alone, and the versions of the symmetric keys. Private parts are
 * sealed under the key-encryption key, which is never in the database.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table signing_keys (
      kid text primary key,
      algorithm text not null,
      public_jwk jsonb not null,
      sealed_private_key bytea,
      published_at timestamptz not null,
      activates_at timestamptz,
      created_at timestamptz not null
    );
    create table symmetric_keys (
      purpose text not null,
      version integer not null check (version > 0),
      sealed_key bytea not null,
      activates_at timestamptz not null,
      created_at timestamptz not null,
      primary key (purpose, version)
    );
  `)
}

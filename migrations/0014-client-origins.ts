import type { Knex } from 'knex'

/**
 * Which web origins may read what a client is answered, and how long a session lasts whose login did not ask to be
 * remembered (null: no difference).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table clients
      add column allowed_origins text[] not null default '{}',
      add column unremembered_ttl_seconds integer`)
}

import type { Knex } from 'knex'

/**
 * How much of each limit is used, where there is no Redis or it is away: for each key the moment when all of it has come back.
 * Unlogged: after a crash everybody begins anew.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create unlogged table rate_limits (
      key bytea primary key,
      full_at timestamptz not null
    );
    create index rate_limits_by_full on rate_limits (full_at);
  `)
}

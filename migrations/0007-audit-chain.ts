import type { Knex } from 'knex'

/** Months are kept in a ring: the current one, at least twelve before it, and one that is empty. */
const SLOTS = 14
/** The slot of a moment: one a month, by UTC. */
const slotOf = (time: string) =>
  `((extract(year from ${time} at time zone 'UTC')::int * 12 + extract(month from ${time} at time zone 'UTC')::int) % ${SLOTS})::smallint`

/**
 * The audit log in monthly partitions, made once, that are used over and over; and the chain that shows whether a row was
 * changed, removed or moved. A row gets its place in the chain shortly after it was written. What is older than the ring
 * stays behind; a node of the previous release that waits for the lock goes on with the new table.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table audit_events rename to audit_events_unchained;
    alter table audit_events_unchained rename constraint audit_events_pkey to audit_events_unchained_pkey;
    alter index audit_events_by_time rename to audit_events_unchained_by_time;

    create sequence audit_event_ids;
    create table audit_events (
      id bigint not null default nextval('audit_event_ids'),
      month_slot smallint not null default ${slotOf('now()')},
      at timestamptz not null,
      event text not null,
      actor text not null,
      user_id text,
      client_id text,
      request_id text,
      address text,
      details jsonb not null default '{}',
      position bigint,
      key_version integer,
      mac bytea,
      primary key (id, month_slot),
      check ((position is null) = (mac is null) and (position is null) = (key_version is null))
    ) partition by list (month_slot);
    alter sequence audit_event_ids owned by audit_events.id;
    ${partitions()}
    create index audit_events_by_time on audit_events (at);
    create index audit_events_by_position on audit_events (position);
    create index audit_events_to_chain on audit_events (id) where position is null;
    create index audit_events_by_user on audit_events (user_id, id) where user_id is not null;

    insert into audit_events (id, month_slot, at, event, actor, user_id, client_id, request_id, address, details)
    select id, ${slotOf('at')}, at, event, actor, user_id, client_id, request_id, address, details
    from audit_events_unchained
    where at >= (date_trunc('month', now() at time zone 'UTC') - interval '12 months') at time zone 'UTC';
    select setval('audit_event_ids', max(id)) from audit_events_unchained having max(id) is not null;
    drop table audit_events_unchained;

    create table audit_chain (
      is_only_row boolean primary key default true check (is_only_row),
      position bigint not null default 0,
      mac bytea not null default decode(repeat('00', 32), 'hex'),
      floor_position bigint not null default 0,
      floor_mac bytea not null default decode(repeat('00', 32), 'hex'),
      floor_key_version integer,
      floor_seal bytea
    );
    insert into audit_chain default values;
  `)
}

function partitions(): string {
  return Array.from({ length: SLOTS }, (_, slot) => {
    return `create table audit_events_${slot} partition of audit_events for values in (${slot});`
  }).join('\n')
}

-- What every service's schema has: the event log with its stamps, readers' cursors, idempotent replies, counters,
-- and the procedures by which tables are put under row-level security. search_path is the service's schema.

-- Group policy: the session's group, taken once per statement.
CREATE PROCEDURE protect(table_name text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
  EXECUTE format('CREATE POLICY group_rows ON %I USING (group_id = (SELECT nullif(current_setting(''app.group_id'', true), ''''))::uuid)
    WITH CHECK (group_id = (SELECT nullif(current_setting(''app.group_id'', true), ''''))::uuid)', table_name);
END $$;

-- Party policy: rows that a party may see across its groups. SELECT only; writes name one group.
CREATE PROCEDURE protect_party(table_name text, party_column text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE POLICY %I ON %I FOR SELECT USING (%I = (SELECT nullif(current_setting(''app.party_id'', true), ''''))::uuid)',
    'party_rows_' || party_column, table_name, party_column);
END $$;

-- The background worker sees all groups in this table.
CREATE PROCEDURE protect_worker(table_name text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE POLICY worker_rows ON %I TO %I USING (true) WITH CHECK (true)', table_name, current_schema || '_worker');
END $$;

-- What a command did, in the order in which its aggregate saw it. Append only.
CREATE TABLE event (
  group_id uuid NOT NULL,
  event_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  -- Order within one aggregate: it is drawn after the aggregate is locked. Never a reader's cursor.
  seq bigint GENERATED ALWAYS AS IDENTITY,
  aggregate_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind LIKE '%.v_'),
  payload bytea NOT NULL,
  trace_parent text NOT NULL,
  actor text NOT NULL,
  PRIMARY KEY (group_id, event_id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CALL protect('event');
CALL protect_worker('event');

-- A partition per month, made ahead of time; the default one takes what a moved demo clock writes. Reached only through
-- `event`, so nobody but the owner has rights on a partition.
DO $do$
BEGIN
  EXECUTE format($f$
    CREATE FUNCTION ensure_event_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = %1$I AS $body$
    DECLARE
      month date;
      name text;
    BEGIN
      FOR month IN SELECT date_trunc('month', clock_timestamp())::date + make_interval(months => n) FROM generate_series(0, 3) n LOOP
        name := 'event_' || to_char(month, 'YYYY_MM');
        IF to_regclass('%1$I.' || name) IS NULL THEN
          EXECUTE format('CREATE TABLE %%I PARTITION OF event FOR VALUES FROM (%%L) TO (%%L)', name, month, month + interval '1 month');
          EXECUTE format('ALTER TABLE %%I ENABLE ROW LEVEL SECURITY', name);
          EXECUTE format('REVOKE ALL ON %%I FROM %1$I_app, %1$I_worker', name);
        END IF;
      END LOOP;
    END $body$ $f$, current_schema);
END $do$;
CREATE TABLE event_default PARTITION OF event DEFAULT;
ALTER TABLE event_default ENABLE ROW LEVEL SECURITY;
SELECT ensure_event_partitions();

-- Committed events that have no position yet.
CREATE TABLE event_unstamped (
  group_id uuid NOT NULL,
  event_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (group_id, event_id)
);
CALL protect('event_unstamped');
CALL protect_worker('event_unstamped');

-- Gapless positions and the hash chain, written by the stamper only.
CREATE TABLE event_stamp (
  position bigint PRIMARY KEY CHECK (position > 0),
  group_id uuid NOT NULL,
  event_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  chain bytea NOT NULL CHECK (length(chain) = 32),
  UNIQUE (group_id, event_id)
);
CREATE INDEX event_stamp_group ON event_stamp (group_id, position);
CALL protect('event_stamp');
CALL protect_worker('event_stamp');

-- Last link of each group's chain.
CREATE TABLE chain_head (
  group_id uuid PRIMARY KEY,
  position bigint NOT NULL,
  chain bytea NOT NULL,
  event_count bigint NOT NULL
);
CALL protect('chain_head');
CALL protect_worker('chain_head');

-- How far this service has read another's log.
CREATE TABLE reader_cursor (
  reader text PRIMARY KEY,
  position bigint NOT NULL DEFAULT 0
);
ALTER TABLE reader_cursor ENABLE ROW LEVEL SECURITY;
CALL protect_worker('reader_cursor');

-- Events whose effect failed, and the later ones of the same aggregate.
CREATE TABLE reader_parked (
  reader text NOT NULL,
  position bigint NOT NULL,
  aggregate_id uuid NOT NULL,
  event bytea NOT NULL,
  error text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  retry_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (reader, position)
);
CREATE INDEX reader_parked_aggregate ON reader_parked (reader, aggregate_id);
ALTER TABLE reader_parked ENABLE ROW LEVEL SECURITY;
CALL protect_worker('reader_parked');

-- Replies to commands, so that a repeated one has its first answer (kept 30 days).
CREATE TABLE idempotency (
  group_id uuid NOT NULL,
  subject text NOT NULL,
  method text NOT NULL,
  request_id uuid NOT NULL,
  request_hash bytea NOT NULL,
  reply bytea,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (group_id, subject, method, request_id)
);
CALL protect('idempotency');

-- Forgets old replies. Owned by the schema's owner, since the worker has no right on groups' replies.
DO $do$
BEGIN
  EXECUTE format($f$
    CREATE FUNCTION purge_idempotency() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = %1$I AS $body$
      WITH gone AS (DELETE FROM idempotency WHERE created_at < clock_timestamp() - interval '30 days' RETURNING 1) SELECT count(*) FROM gone
    $body$ $f$, current_schema);
END $do$;

-- Legal numbers per group, kind and year.
CREATE TABLE number_counter (
  group_id uuid NOT NULL,
  kind text NOT NULL,
  year integer NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (group_id, kind, year)
);
CALL protect('number_counter');

-- The log is append only, its order is the stamper's alone.
DO $do$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON event FROM %1$I_app, %1$I_worker', current_schema);
  EXECUTE format('REVOKE ALL ON event_default FROM %1$I_app, %1$I_worker', current_schema);
  EXECUTE format('REVOKE UPDATE, DELETE ON event_unstamped FROM %1$I_app', current_schema);
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON event_stamp, chain_head FROM %1$I_app', current_schema);
  EXECUTE format('REVOKE UPDATE, DELETE ON event_stamp FROM %1$I_worker', current_schema);
END $do$;

-- Before each batch, and outside any transaction, the script waits while a replica is more than {max_lag} s
-- behind, that is, while it has not replayed any WAL position that this server reached in the last {max_lag} s.
-- These positions are recorded in fb_place, at intervals of a tenth of that time; it is enough to have
-- replayed the oldest.
--
-- pg_stat_replication's replay_lag cannot be used: it does not change while replay is paused or the replica
-- has stopped reporting, and it is NULL when idle. Nor can a number of bytes: how long they take to replay
-- is unknown. replay_lsn can only be wrong on the safe side: a replica reports when it has replayed all that
-- it has received, and also every 10 s (wal_receiver_status_interval).
--
-- Only servers that replay WAL count as replicas: not backups, not pg_receivewal (its replay_lsn is NULL),
-- and not subscribers of logical replication, whose position may not advance while nothing concerns them.
DROP TABLE IF EXISTS pg_temp.fb_place, pg_temp.fb_known_replica CASCADE;
CREATE TEMPORARY TABLE fb_place (lsn pg_lsn, reached timestamptz);
CREATE TEMPORARY TABLE fb_known_replica (name text);
CREATE OR REPLACE TEMPORARY VIEW fb_replica AS
  SELECT application_name AS name, replay_lsn
  FROM pg_stat_replication AS r
  WHERE replay_lsn IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_replication_slots AS s WHERE s.active_pid = r.pid AND s.slot_type = 'logical');

-- Without pg_read_all_stats every replay_lsn reads as NULL.
DO $$ BEGIN
  IF NOT pg_has_role('pg_read_all_stats', 'USAGE') THEN
    RAISE 'role % cannot see how far behind replicas are, which --max-lag needs', quote_ident(current_user)
    USING HINT = format('GRANT pg_read_all_stats TO %I', current_user);
  END IF;
END $$;

-- A wait is one statement of many short transactions, and may take long. From PostgreSQL 14 on it ends
-- when psql is gone, if the server's operating system can tell.
SET statement_timeout = 0;
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE;
DO $$ BEGIN
  PERFORM set_config('client_connection_check_interval', '1s', false);
EXCEPTION
  WHEN undefined_object OR invalid_parameter_value THEN NULL;
END $$;

-- Checks once: records the current WAL position, and returns whether to wait. A replica that has
-- disconnected counts as behind for a while: it may be restarting, or it may never come back.
CREATE OR REPLACE PROCEDURE pg_temp.fb_look_at_replicas(
  INOUT waits boolean, INOUT gone_since timestamptz, INOUT tell_at timestamptz
) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  max_lag CONSTANT interval := '{max_lag} s';
  max_gone CONSTANT interval := '60 s';
  behind text; gone text;
BEGIN
  DELETE FROM pg_temp.fb_place WHERE reached < clock_timestamp() - max_lag;
  INSERT INTO pg_temp.fb_place
  SELECT pg_current_wal_flush_lsn(), clock_timestamp()
  WHERE NOT EXISTS (SELECT FROM pg_temp.fb_place WHERE reached > clock_timestamp() - max_lag / 10);

  SELECT string_agg(format('%s (%s behind)', name, pg_size_pretty(pg_current_wal_flush_lsn() - replay_lsn)), ', ')
  INTO behind FROM pg_temp.fb_replica WHERE replay_lsn < (SELECT min(lsn) FROM pg_temp.fb_place);

  INSERT INTO pg_temp.fb_known_replica
  SELECT name FROM pg_temp.fb_replica EXCEPT ALL SELECT name FROM pg_temp.fb_known_replica;
  SELECT string_agg(name || ' (gone)', ', ')
  INTO gone FROM (SELECT name FROM pg_temp.fb_known_replica EXCEPT ALL SELECT name FROM pg_temp.fb_replica) AS g;

  waits := behind IS NOT NULL OR gone IS NOT NULL;
  gone_since := CASE WHEN gone IS NOT NULL THEN coalesce(gone_since, clock_timestamp()) END;
  IF clock_timestamp() - gone_since > max_gone THEN
    RAISE 'stopped: a replica that this run saw has been gone for %: %', max_gone, gone
    USING HINT = 'Run it again to continue with the replicas that are connected then.';
  END IF;
  tell_at := coalesce(tell_at, clock_timestamp() + interval '10 s');
  IF waits AND clock_timestamp() > tell_at THEN
    RAISE INFO 'waiting for replicas: %', concat_ws(', ', behind, gone);
    tell_at := clock_timestamp() + interval '1 min';
  END IF;
END
$$;

-- A procedure with a SET clause cannot COMMIT, so all names here are qualified.
CREATE OR REPLACE PROCEDURE pg_temp.fb_wait_for_replicas() LANGUAGE plpgsql AS $$
DECLARE
  waits boolean; gone_since timestamp with time zone; tell_at timestamp with time zone;
BEGIN
  LOOP
    CALL pg_temp.fb_look_at_replicas(waits, gone_since, tell_at);
    EXIT WHEN NOT waits;
    COMMIT;  -- no transaction or snapshot outlives one check
    PERFORM pg_catalog.pg_sleep(0.1);
  END LOOP;
END
$$;

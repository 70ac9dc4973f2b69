-- {title}: brings the batch to {table}. A row is changed only while its {cohort_id} is
-- the plan's and its {syllabus_id} is still {expected} (compare-and-set).
--
-- First the whole batch in one UPDATE. Should that fail, for whatever reason, it is rolled back,
-- and each record is tried by itself; so is each record that the UPDATE found no row for, to
-- learn why. Nested loops keep a batch to its own rows, looked up and locked in the order of
-- their ids; left to itself the planner may walk the whole primary key for each batch. Where statistics
-- are missing or old it may also compare each row of the range with each record, or look a row up by its
-- cohort: LIMIT makes the one dear, and CASE hides what is not the id from it. And at the usual cost of a random
-- page the foreign key's check may read all syllabuses for each row.
CREATE OR REPLACE PROCEDURE pg_temp.fb_{verb}_{model}() LANGUAGE plpgsql
  SET lock_timeout = {lock_timeout}  -- ms
  SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_material = off
  SET random_page_cost = 1 AS $$
#variable_conflict use_variable
DECLARE
  records bigint; lowest bigint; highest bigint;  -- the batch: how many, and their range of ids
  done bigint[];                  -- n of the records that the one UPDATE brought in
  as_told boolean;                -- the row has got what it was to get
  wait_left numeric := {lock_timeout};  -- ms that records may still wait for locks, all together
  began timestamptz;
  rec record;
  reason text; state text; message text;
BEGIN
  -- Takes the lock on the table and checks columns and privileges here, where a failure stops the script.
  UPDATE {table} AS t SET {syllabus_id} = t.{syllabus_id} WHERE t.{id} = t.{cohort_id} AND false;

  SELECT count(*), min(id), max(id) INTO records, lowest, highest FROM pg_temp.fb_batch WHERE model = '{model}';

  BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;  -- a dangling syllabus must fail here, not at COMMIT
    WITH changed AS (
      UPDATE {table} AS t
      SET {syllabus_id} = {new}
      FROM (
        SELECT n, id, cohort_id, syllabus_id FROM pg_temp.fb_batch
        WHERE model = '{model}' AND n NOT IN (SELECT n FROM pg_temp.fb_outcome)
        ORDER BY id LIMIT records
      ) AS b
      WHERE t.{id} = b.id AND t.{id} BETWEEN lowest AND highest
        AND CASE WHEN t.{cohort_id} = b.cohort_id AND t.{syllabus_id} {unchanged} THEN true ELSE false END
      RETURNING b.n, t.{syllabus_id} IS NOT DISTINCT FROM {new} AS as_told
    )
    SELECT array_agg(c.n), bool_and(c.as_told) INTO done, as_told FROM changed AS c;
    IF NOT as_told THEN
      RAISE 'a trigger set another syllabus_id';
    END IF;
    IF cardinality(done) = records THEN
      RETURN;
    END IF;
  EXCEPTION
    WHEN insufficient_resources OR system_error OR operator_intervention OR connection_exception THEN RAISE;
    WHEN OTHERS THEN done := NULL;
  END;

  FOR rec IN
    SELECT n, id, cohort_id, syllabus_id FROM pg_temp.fb_batch
    WHERE model = '{model}' AND n NOT IN (SELECT n FROM pg_temp.fb_outcome)
      AND n NOT IN (SELECT unnest(done))
    ORDER BY id
  LOOP
    began := clock_timestamp();
    BEGIN
      SET CONSTRAINTS ALL IMMEDIATE;
      FOR try IN 1..3 LOOP
        UPDATE {table} AS t SET {syllabus_id} = {record_new}
        WHERE t.{id} = rec.id
          AND CASE WHEN t.{cohort_id} = rec.cohort_id AND t.{syllabus_id} {record_unchanged} THEN true ELSE false END
        RETURNING t.{syllabus_id} IS NOT DISTINCT FROM {record_new} INTO as_told;
        IF NOT as_told THEN
          RAISE 'a trigger set another syllabus_id';
        END IF;
        EXIT WHEN FOUND;
        SELECT CASE
            WHEN NOT coalesce(t.{syllabus_id} {record_unchanged}, false) THEN '{changed}'
            WHEN t.{cohort_id} IS DISTINCT FROM rec.cohort_id THEN 'cohort-changed'
          END
        INTO reason FROM {table} AS t WHERE t.{id} = rec.id;
        IF NOT FOUND THEN
          reason := 'gone';
        END IF;
        IF reason IS NOT NULL THEN
          INSERT INTO pg_temp.fb_outcome VALUES (rec.n, 'skipped', reason);
          EXIT;
        ELSIF try = 3 THEN
          RAISE 'not updated, though nothing speaks against it: by a trigger or a row security policy?';
        END IF;
        -- It was changed back between the two statements: try again.
      END LOOP;
    EXCEPTION
      WHEN insufficient_resources OR system_error OR operator_intervention OR connection_exception THEN RAISE;
      WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
        INSERT INTO pg_temp.fb_outcome
        VALUES (rec.n, 'failed', state || ' ' || regexp_replace(message, '[[:space:]]+', ' ', 'g'));
        IF state = '55P03' AND wait_left > 0 THEN
          -- One lock that lasts may hold many records: they must not each wait for it in full.
          wait_left := greatest(10, floor(wait_left - 1000 * extract(epoch FROM clock_timestamp() - began)));
          PERFORM set_config('lock_timeout', wait_left::text, true);
        END IF;
    END;
  END LOOP;
END
$$;


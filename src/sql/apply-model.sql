
-- {title}: brings the batch to {table}. A row is changed only while its {cohort_id} is
-- the plan's and its {syllabus_id} is still {expected} (compare-and-set).
--
-- First the whole batch in one UPDATE. Should that fail, for whatever reason, it is rolled back,
-- and each record is tried by itself; so is each record that the UPDATE found no row for, to
-- learn why. Triggers go by the session's search_path, as always: it is in force while a statement runs them, and
-- every operator in these statements says that it is pg_catalog's.
--
-- Nested loops keep a batch to its own rows, looked up and locked in the order of
-- their ids; left to itself the planner may walk the whole primary key for each batch. Where statistics
-- are missing or old it may also compare each row of the range with each record, or look a row up by its
-- cohort: LIMIT makes the one dear, and CASE hides what is not the id from it. And at the usual cost of a random
-- page the foreign key's check may read all syllabuses for each row.
CREATE OR REPLACE PROCEDURE pg_temp.fb_{verb}_{model}(
  table_schema text DEFAULT :'{model}_schema',
  triggers_path text DEFAULT current_setting('search_path')
) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
  SET lock_timeout = {lock_timeout}  -- ms
  SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_material = off
  SET random_page_cost = 1 AS $fb$
#variable_conflict use_variable
DECLARE
  our_path CONSTANT text := 'pg_catalog, pg_temp';
  target CONSTANT text := quote_ident(table_schema) || $sql$.{relation} AS t $sql$;
  -- Records, and the lowest and the highest id among them, so that the planner sees how few rows they are.
  all_records CONSTANT text := $sql$
    SELECT n, id, cohort_id, syllabus_id FROM pg_temp.fb_pending
    WHERE model OPERATOR(pg_catalog.=) '{model}' ORDER BY id LIMIT $3 $sql$;
  one_record CONSTANT text := $sql$ SELECT $3 AS n, $1 AS id, $4 AS cohort_id, $5 AS syllabus_id $sql$;
  change CONSTANT text := $sql$
    WITH changed AS (
      UPDATE $sql$ || target || $sql$
      SET {syllabus_id} = {new}
      FROM (%s) AS b
      WHERE t.{id} OPERATOR(pg_catalog.=) b.id AND t.{id} OPERATOR(pg_catalog.>=) $1 AND t.{id} OPERATOR(pg_catalog.<=) $2
        AND CASE WHEN t.{cohort_id} OPERATOR(pg_catalog.=) b.cohort_id AND t.{syllabus_id} {before} THEN true ELSE false END
      RETURNING b.n, coalesce(t.{syllabus_id} {after}, false) AS as_told
    )
    SELECT pg_catalog.array_agg(n), pg_catalog.bool_and(as_told) FROM changed $sql$;
  change_all CONSTANT text := replace(change, '%s', all_records);
  change_one CONSTANT text := replace(change, '%s', one_record);
  look_at_one CONSTANT text := $sql$
    SELECT CASE
        WHEN NOT coalesce(t.{syllabus_id} {before}, false) THEN '{changed}'
        WHEN t.{cohort_id} OPERATOR(pg_catalog.=) b.cohort_id THEN 'as-planned'
        ELSE 'cohort-changed'
      END
    FROM $sql$ || target || $sql$, ($sql$ || one_record || $sql$) AS b
    WHERE t.{id} OPERATOR(pg_catalog.=) b.id $sql$;

  records bigint; lowest bigint; highest bigint;  -- the batch: how many, and their range of ids
  outcomes bigint;                -- how many records of this and other models have an outcome
  done bigint[];                  -- n of the records that the one UPDATE brought in
  changed bigint[];               -- the same of one record
  as_told boolean;                -- the row has got what it was to get
  wait_left numeric := {lock_timeout};  -- ms that records may still wait for locks, all together
  began timestamptz;
  rec record;
  reason text; state text; message text; context text;
BEGIN
  IF table_schema = '' THEN
    PERFORM $sql${table}$sql$::regclass;  -- it is not there: says so
  END IF;
  SELECT count(*), min(id), max(id) INTO records, lowest, highest FROM pg_temp.fb_pending WHERE model = '{model}';
  SELECT count(*) INTO outcomes FROM pg_temp.fb_outcome;

  -- Takes the lock on the table and checks columns and privileges here, where a failure stops the script.
  EXECUTE 'EXPLAIN UPDATE ' || target || $sql$
    SET {syllabus_id} = t.{syllabus_id} WHERE t.{id} OPERATOR(pg_catalog.=) t.{cohort_id} AND false $sql$;

  BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;  -- a dangling syllabus must fail here, not at COMMIT
    PERFORM set_config('search_path', triggers_path, true);
    EXECUTE change_all INTO done, as_told USING lowest, highest, records;
    PERFORM pg_catalog.set_config('search_path', our_path, true);
    IF cardinality(done) > records THEN
      RAISE 'more rows than records: an id is not unique';
    ELSIF NOT as_told THEN
      RAISE 'a trigger set another syllabus_id';
    END IF;
  EXCEPTION  -- and the search_path is ours again
    WHEN OTHERS OR query_canceled OR assert_failure THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, context = PG_EXCEPTION_CONTEXT;
      IF pg_temp.fb_stops_the_script(state, context) THEN
        RAISE;
      END IF;
      done := NULL;
  END;

  FOR rec IN
    SELECT n, id, cohort_id, syllabus_id FROM pg_temp.fb_pending
    WHERE cardinality(done) IS DISTINCT FROM records AND model = '{model}' AND n NOT IN (SELECT unnest(done))
    ORDER BY id
  LOOP
    began := clock_timestamp();
    reason := NULL;
    BEGIN
      SET CONSTRAINTS ALL IMMEDIATE;
      FOR try IN 1..3 LOOP
        PERFORM set_config('search_path', triggers_path, true);
        EXECUTE change_one INTO changed, as_told USING rec.id, rec.id, rec.n, rec.cohort_id, rec.syllabus_id;
        PERFORM pg_catalog.set_config('search_path', our_path, true);
        IF cardinality(changed) > 1 THEN
          RAISE 'the id is not unique: % rows have it', cardinality(changed);
        ELSIF NOT as_told THEN
          RAISE 'a trigger set another syllabus_id';
        END IF;
        EXIT WHEN changed IS NOT NULL;
        PERFORM set_config('search_path', triggers_path, true);
        EXECUTE look_at_one INTO reason USING rec.id, rec.id, rec.n, rec.cohort_id, rec.syllabus_id;
        PERFORM pg_catalog.set_config('search_path', our_path, true);
        reason := coalesce(reason, 'gone');
        EXIT WHEN reason <> 'as-planned';
        -- It was changed back between the two statements, or something keeps it from being updated: try again.
        IF try = 3 THEN
          RAISE 'not updated, though nothing speaks against it: by a trigger or a row security policy?';
        END IF;
      END LOOP;
      IF changed IS NULL THEN
        INSERT INTO pg_temp.fb_outcome VALUES (rec.n, 'skipped', reason);
        outcomes := outcomes + 1;
      END IF;
    EXCEPTION
      WHEN OTHERS OR query_canceled OR assert_failure THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
        IF pg_temp.fb_stops_the_script(state, context) THEN
          RAISE;
        END IF;
        INSERT INTO pg_temp.fb_outcome
        VALUES (rec.n, 'failed', state || ' ' || regexp_replace(left(message, 1000), '[[:space:]]+', ' ', 'g'));
        outcomes := outcomes + 1;
        IF state = '55P03' AND wait_left > 0 THEN
          -- One lock that lasts may hold many records: they must not each wait for it in full.
          wait_left := greatest(10, floor(wait_left - 1000 * extract(epoch FROM clock_timestamp() - began)));
          PERFORM set_config('lock_timeout', wait_left::text, true);
        END IF;
    END;
  END LOOP;

  IF (SELECT count(*) FROM pg_temp.fb_outcome) <> outcomes THEN
    RAISE 'there are other outcomes of the batch than those of this script'
    USING HINT = 'A trigger may have changed the temporary tables of this session. Nothing of this batch is done.';
  END IF;
END
$fb$;


-- {model}: the records (n) whose rows now have the syllabus that they were to get. Runs with the search_path of the
-- triggers, as the UPDATE does.
CREATE OR REPLACE FUNCTION pg_temp.fb_standing_{model}(target text, records text, match text) RETURNS bigint[]
  LANGUAGE plpgsql AS $fb$
DECLARE
  standing bigint[];
BEGIN
  CALL pg_temp.fb_prepare(pg_catalog.concat(
    'WITH b AS %records% SELECT pg_catalog.array_agg(b.n) FROM b JOIN ', target, $sql$ AS t ON %match% WHERE t.{syllabus_id} {after} $sql$),
    records, match);
  EXECUTE 'EXECUTE fb_statement' INTO standing;
  RETURN standing;
END
$fb$;

-- {model}: applies the batch to {table}. A row is changed only if its {cohort_id} is
-- still the plan's and its {syllabus_id} is still {expected} (compare-and-set).
--
-- First one UPDATE tries the whole batch. If it fails, for whatever reason, it is rolled back and tried again with
-- fewer records, down to a single one, which then fails alone. For records whose row was not updated, a query finds
-- the reason.
--
-- Triggers run with the session's search_path, as always: it is set while these statements run, so the operators in
-- them are qualified with pg_catalog. Nor do our planner settings reach triggers: they are set only if the table has no
-- triggers other than those of foreign keys, which look up one row at a time.
CREATE OR REPLACE PROCEDURE pg_temp.fb_{verb}_{model}(
  table_schema text DEFAULT :'{model}_schema',
  triggers_path text DEFAULT current_setting('search_path')
) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
  SET lock_timeout = {lock_timeout}  -- ms
  SET random_page_cost FROM CURRENT SET jit FROM CURRENT AS $fb$
#variable_conflict use_variable
DECLARE
  our_path CONSTANT text := 'pg_catalog, pg_temp';
  target CONSTANT text := quote_ident(table_schema) || $sql$.{relation}$sql$;
  -- Statements that join the target t to records b.
  change CONSTANT text := $sql$
    WITH b AS %records%, changed AS (
      UPDATE $sql$ || target || $sql$ AS t
      SET {syllabus_id} = {new}
      FROM b
      WHERE %match%
        AND CASE WHEN t.{cohort_id} OPERATOR(pg_catalog.=) b.cohort_id AND t.{syllabus_id} {before} THEN true ELSE false END
      RETURNING b.n, coalesce(t.{syllabus_id} {after}, false) AS as_told
    )
    SELECT pg_catalog.array_agg(n), pg_catalog.bool_and(as_told) FROM changed $sql$;
  look_at_all CONSTANT text := $sql$
    WITH b AS %records%
    SELECT pg_catalog.array_agg(n), pg_catalog.array_agg(reason)
    FROM (
      SELECT DISTINCT ON (b.n) b.n, CASE
          WHEN t.{id} IS NULL THEN 'gone'
          WHEN coalesce(t.{syllabus_id} {before}, false)
          THEN CASE WHEN t.{cohort_id} OPERATOR(pg_catalog.=) b.cohort_id THEN 'as-planned' ELSE 'cohort-changed' END
          WHEN t.{syllabus_id} IS NULL THEN '{if_null}'
          ELSE '{changed}'
        END AS reason
      FROM b LEFT JOIN $sql$ || target || $sql$ AS t ON %match%
    ) AS l $sql$;

  has_index boolean;              -- an index begins with the id, so rows can be looked up by it
  has_triggers boolean;           -- other than those of foreign keys
  total bigint; lowest bigint; highest bigint;  -- number of records of this model, and their range of ids
  ns bigint[]; ids bigint[]; cohorts bigint[]; syllabuses bigint[];  -- the records themselves, if needed
  first bigint; last bigint;      -- the records that are tried together
  size bigint;                    -- how many at most
  records text; match text;       -- these records, and the join condition, as SQL
  outcomes bigint;                -- number of records of all models that have an outcome
  added bigint;
  done bigint[];                  -- n of the records whose rows were updated
  as_told boolean;                -- these rows have the right syllabus
  standing bigint[];              -- n of the records whose rows still have it after all triggers
  looked_at bigint[]; reasons text[];
  failure text;                   -- SQLSTATE and message
  waited boolean := false;        -- a wait for a lock has timed out
  wait_left numeric := {lock_timeout};  -- ms that single records may still wait for locks in total; 0: no limit
  began timestamptz;
  state text; message text; context text;
BEGIN
  IF table_schema = '' THEN
    PERFORM $sql${table}$sql$::regclass;  -- raises the error that it does not exist
  END IF;
  -- Locks the table and checks columns and privileges here, where an error stops the script.
  CALL pg_temp.fb_check('UPDATE ' || target || $sql$ AS t
    SET {syllabus_id} = t.{syllabus_id} WHERE t.{id} OPERATOR(pg_catalog.=) t.{cohort_id} AND false $sql$);

  SELECT d.has_index, d.has_triggers INTO has_index, has_triggers FROM pg_temp.fb_describe(target, $sql${id}$sql$) AS d;
  IF has_triggers THEN
    PERFORM set_config('fb.look_again', 'yes', true);
  END IF;

  IF NOT has_index THEN
    ANALYZE pg_temp.fb_batch;  -- so that the planner knows how many records there are
  END IF;

  SELECT count(*) INTO outcomes FROM pg_temp.fb_outcome;

  FOR pass IN 1..3 LOOP  -- retry rows that another transaction had changed for a moment
    SELECT count(*), min(id), max(id) INTO total, lowest, highest FROM pg_temp.fb_pending WHERE model = '{model}';
    ns := NULL;
    first := 1;
    size := total;
    WHILE first <= total LOOP
      IF first = 1 AND size >= total AND lowest < highest THEN
        last := total;
      ELSE
        IF ns IS NULL THEN
          SELECT array_agg(n ORDER BY id, n), array_agg(id ORDER BY id, n),
            array_agg(cohort_id ORDER BY id, n), array_agg(syllabus_id ORDER BY id, n)
          INTO ns, ids, cohorts, syllabuses
          FROM pg_temp.fb_pending WHERE model = '{model}';
        END IF;
        last := least(first + size - 1, total);
        WHILE ids[last + 1] = ids[last] LOOP
          last := last + 1;
        END LOOP;
        lowest := ids[first];
        highest := ids[last];
      END IF;
      IF first = last THEN
        records := format('(SELECT bigint %L AS n, bigint %L AS id, bigint %L AS cohort_id, bigint %L AS syllabus_id)',
          ns[first], ids[first], cohorts[first], syllabuses[first]);
      ELSE
        records := pg_temp.fb_records('pending', '{model}', lowest, highest, has_index);
      END IF;
      match := pg_temp.fb_match($sql${id}$sql$, lowest, highest, has_index);
      IF waited AND wait_left > 0 THEN
        -- The locked row is narrowed down with fewer and fewer records; they must not all wait for the full time.
        PERFORM set_config('lock_timeout', CASE WHEN first < last THEN least(10, wait_left) ELSE wait_left END::text, true);
      END IF;
      failure := NULL;
      began := clock_timestamp();
      BEGIN
        SET CONSTRAINTS ALL IMMEDIATE;  -- a missing syllabus must fail here, not at COMMIT
        IF NOT has_triggers THEN
          PERFORM set_config('random_page_cost', '1', true), set_config('jit', 'off', true);
        END IF;
        PERFORM set_config('search_path', triggers_path, true);
        CALL pg_temp.fb_prepare(change, records, match);
        EXECUTE 'EXECUTE fb_statement' INTO done, as_told;
        IF has_triggers THEN
          standing := pg_temp.fb_standing_{model}(target, records, match);
        END IF;
        PERFORM pg_catalog.set_config('search_path', our_path, true);
        IF cardinality(done) > (SELECT count(DISTINCT d.n) FROM unnest(done) AS d (n)) THEN
          RAISE 'the id is not unique: more than one row has it';
        ELSIF NOT as_told OR has_triggers AND EXISTS (SELECT unnest(done) EXCEPT SELECT unnest(standing)) THEN
          RAISE 'a trigger set another syllabus_id';
        END IF;
        IF cardinality(done) IS DISTINCT FROM last - first + 1 THEN
          PERFORM set_config('search_path', triggers_path, true);
          CALL pg_temp.fb_prepare(look_at_all, records, match);
          EXECUTE 'EXECUTE fb_statement' INTO looked_at, reasons;
          PERFORM pg_catalog.set_config('search_path', our_path, true);
        END IF;
      EXCEPTION  -- this also restores our search_path
        WHEN OTHERS OR query_canceled OR assert_failure THEN
          GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
          IF pg_temp.fb_stops_the_script(state, message, context) THEN
            RAISE;
          END IF;
          failure := state || ' ' || pg_temp.fb_one_line(message);
          waited := waited OR state = '55P03';
          done := NULL;
      END;

      IF failure IS NOT NULL AND lowest < highest THEN
        size := (last - first) / 8 + 1;
        CONTINUE;
      ELSIF failure IS NOT NULL THEN
        INSERT INTO pg_temp.fb_outcome
        SELECT unnest(ns[first:last]), 'failed', failure;
        GET DIAGNOSTICS added = ROW_COUNT;
        outcomes := outcomes + added;
        IF state = '55P03' AND wait_left > 0 THEN
          wait_left := greatest(10, floor(wait_left - 1000 * extract(epoch FROM clock_timestamp() - began)));
        END IF;
      ELSIF cardinality(done) IS DISTINCT FROM total THEN
        INSERT INTO pg_temp.fb_outcome
        SELECT d.n, '{done}', NULL FROM unnest(done) AS d (n);
        GET DIAGNOSTICS added = ROW_COUNT;
        outcomes := outcomes + added;
        IF cardinality(done) IS DISTINCT FROM last - first + 1 THEN
          INSERT INTO pg_temp.fb_outcome
          SELECT l.n, CASE l.reason WHEN 'as-planned' THEN 'failed' ELSE 'skipped' END,
            CASE l.reason WHEN 'as-planned' THEN 'P0001 the row matched but was not updated (a trigger or row-level security?)'
              ELSE l.reason END
          FROM unnest(looked_at, reasons) AS l (n, reason)
          WHERE l.n NOT IN (SELECT unnest(done)) AND (l.reason <> 'as-planned' OR pass = 3);
          GET DIAGNOSTICS added = ROW_COUNT;
          outcomes := outcomes + added;
        END IF;
        size := size * 2;
      END IF;
      first := last + 1;
    END LOOP;
    EXIT WHEN total = 0 OR cardinality(done) = total;
  END LOOP;

  IF (SELECT count(*) FROM pg_temp.fb_outcome) <> outcomes THEN
    RAISE 'something other than this script has changed the outcomes of this batch'
    USING HINT = 'A trigger may have changed the temporary tables of this session. Nothing in this batch was applied.';
  END IF;
END
$fb$;

-- {model}: before the receipts are made, finds rows that triggers have changed since their update.
CREATE OR REPLACE PROCEDURE pg_temp.fb_look_again_at_{model}(
  table_schema text DEFAULT :'{model}_schema',
  triggers_path text DEFAULT current_setting('search_path')
) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $fb$
#variable_conflict use_variable
DECLARE
  our_path CONSTANT text := 'pg_catalog, pg_temp';
  target CONSTANT text := quote_ident(table_schema) || $sql$.{relation}$sql$;
  has_index CONSTANT boolean := (SELECT d.has_index FROM pg_temp.fb_describe(target, $sql${id}$sql$) AS d);
  lowest bigint; highest bigint;
  records text; match text;
  standing bigint[];
BEGIN
  SELECT min(id), max(id) INTO lowest, highest FROM pg_temp.fb_done WHERE model = '{model}';
  IF lowest IS NOT NULL THEN
    records := pg_temp.fb_records('done', '{model}', lowest, highest, has_index);
    match := pg_temp.fb_match($sql${id}$sql$, lowest, highest, has_index);
    PERFORM set_config('search_path', triggers_path, true);
    standing := pg_temp.fb_standing_{model}(target, records, match);
    PERFORM pg_catalog.set_config('search_path', our_path, true);
    DELETE FROM pg_temp.fb_outcome WHERE n IN (SELECT n FROM pg_temp.fb_done WHERE model = '{model}') AND n NOT IN (SELECT unnest(standing));
    INSERT INTO pg_temp.fb_outcome
    SELECT n, 'failed', 'P0001 a trigger changed syllabus_id again' FROM pg_temp.fb_done
    WHERE model = '{model}' AND n NOT IN (SELECT unnest(standing));
  END IF;
END
$fb$;

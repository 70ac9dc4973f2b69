
-- What is made here means pg_catalog's functions and operators, whatever the session's search_path is, which triggers
-- go by: so does each procedure, by a setting of its own.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$ BEGIN
  IF current_setting('server_version_num')::integer < 130000 THEN
    RAISE 'PostgreSQL 13 or later is required; this is %', current_setting('server_version');
  END IF;
END $$;

-- One batch: what the plan says, and what became of the records to which something else happened. In the end the batch
-- has all of it, and these are the receipts.
DROP TABLE IF EXISTS pg_temp.fb_batch, pg_temp.fb_outcome CASCADE;
CREATE TEMPORARY TABLE fb_batch (
  n bigint,  -- the record's place in the plan
  model text, id bigint, cohort_id bigint, cohort text, syllabus_id bigint, syllabus text,
  status text DEFAULT '{done}', detail text
);
CREATE TEMPORARY TABLE fb_outcome (n bigint, status text, detail text);

-- What the receipts will be, and the transaction that makes them true: where psql has a file for it (-v in_doubt=FILE) it
-- is there before the COMMIT, so that who loses the connection can ask another with pg_xact_status.
CREATE TEMPORARY VIEW fb_in_doubt AS
  SELECT pg_current_xact_id(), n, status, model, id, cohort_id, cohort, syllabus_id, syllabus, detail FROM pg_temp.fb_batch;

-- The records that are still to be carried out, and in the end those that were.
CREATE TEMPORARY VIEW fb_pending AS
  SELECT n, model, id, cohort_id, syllabus_id FROM pg_temp.fb_batch
  WHERE n NOT IN (SELECT n FROM pg_temp.fb_outcome);
CREATE TEMPORARY VIEW fb_done AS
  SELECT n, model, id, cohort_id, syllabus_id FROM pg_temp.fb_batch
  WHERE n NOT IN (SELECT n FROM pg_temp.fb_outcome WHERE status <> '{done}');

-- The same, those of a model and a range of ids, for tables with an index on the id. To the planner they are one row.
CREATE OR REPLACE FUNCTION pg_temp.fb_each_pending(of_model text, lowest bigint, highest bigint)
  RETURNS TABLE (n bigint, id bigint, cohort_id bigint, syllabus_id bigint) LANGUAGE sql ROWS 1
  SET search_path = pg_catalog, pg_temp SET work_mem = '1GB' AS $$
  SELECT n, id, cohort_id, syllabus_id FROM pg_temp.fb_pending WHERE model = of_model AND id BETWEEN lowest AND highest ORDER BY id
$$;
CREATE OR REPLACE FUNCTION pg_temp.fb_each_done(of_model text, lowest bigint, highest bigint)
  RETURNS TABLE (n bigint, id bigint, cohort_id bigint, syllabus_id bigint) LANGUAGE sql ROWS 1
  SET search_path = pg_catalog, pg_temp SET work_mem = '1GB' AS $$
  SELECT n, id, cohort_id, syllabus_id FROM pg_temp.fb_done WHERE model = of_model AND id BETWEEN lowest AND highest ORDER BY id
$$;

-- In SQL: the records of a model and a range of ids, for WITH b AS, and what joins them to the rows t. Where an index
-- begins with the id, = ANY leaves the planner nothing but to look up each of them there, in the order of their ids,
-- whatever it knows or does not know of the table. Else it is to know how many they are, and is left alone; and they are
-- read once, not once for each partition.
CREATE OR REPLACE FUNCTION pg_temp.fb_records(which text, of_model text, lowest bigint, highest bigint, has_index boolean)
  RETURNS text LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $fb$
  SELECT format(CASE WHEN has_index THEN '(SELECT * FROM pg_temp.fb_each_%s(%L, %s, %s))' ELSE $sql$MATERIALIZED (
      SELECT n, id, cohort_id, syllabus_id FROM pg_temp.fb_%s
      WHERE model OPERATOR(pg_catalog.=) %L AND id OPERATOR(pg_catalog.>=) %s AND id OPERATOR(pg_catalog.<=) %s
      ORDER BY id
    )$sql$ END, which, of_model, lowest, highest)
$fb$;
CREATE OR REPLACE FUNCTION pg_temp.fb_match(id text, lowest bigint, highest bigint, has_index boolean)
  RETURNS text LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $fb$
  SELECT format(CASE WHEN has_index THEN 't.%s OPERATOR(pg_catalog.=) ANY (ARRAY[b.id])'
    ELSE 't.%1$s OPERATOR(pg_catalog.=) b.id AND t.%1$s OPERATOR(pg_catalog.>=) %2$s AND t.%1$s OPERATOR(pg_catalog.<=) %3$s' END,
    id, lowest, highest)
$fb$;

-- Makes fb_statement of a statement with %records% and %match% in it, and plans it: for an EXECUTE without parameters
-- this plan is kept. So what is set here, against a role or database that has ruled out what a batch needs, does not
-- reach the triggers that run in it. (A plan is made anew for another search_path than it was made with, so this has none
-- of its own.)
CREATE OR REPLACE PROCEDURE pg_temp.fb_prepare(statement text, records text, match text) LANGUAGE plpgsql
  SET enable_indexscan = on SET enable_nestloop = on SET enable_hashjoin = on
  SET seq_page_cost = 1 SET random_page_cost = 1 SET jit = off AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE name OPERATOR(pg_catalog.=) 'fb_statement') THEN
    DEALLOCATE fb_statement;
  END IF;
  EXECUTE pg_catalog.concat('PREPARE fb_statement AS ',
    pg_catalog.replace(pg_catalog.replace(statement, '%records%', records), '%match%', match));
  EXECUTE 'EXPLAIN (COSTS off) EXECUTE fb_statement';
END
$$;

-- What there is to know of a table before its rows are changed, its partitions and children included.
CREATE OR REPLACE FUNCTION pg_temp.fb_describe(target text, id text,
  OUT has_index boolean,     -- one begins with the id, so that rows can be looked up by it
  OUT has_triggers boolean)  -- or rules, or anything that runs when a row is changed but the checks of foreign keys
  LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE family AS (
    SELECT target::regclass::oid AS member
    UNION
    SELECT i.inhrelid FROM pg_inherits AS i JOIN family AS f ON i.inhparent = f.member
  )
  SELECT count(*) = 1 AND bool_and(c.relkind = 'r' AND EXISTS (
      SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am AS m ON m.oid = x.relam
      WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND m.amname IN ('btree', 'hash')
        AND '"' || replace(a.attname, '"', '""') || '"' = id
    )),
    bool_or(c.relkind IN ('v', 'f')
      OR EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type = '2')
      OR EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'))
  FROM family AS f JOIN pg_class AS c ON c.oid = f.member
$$;

-- Checks a statement as its start would, under row_security.
CREATE OR REPLACE PROCEDURE pg_temp.fb_check(statement text) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp SET row_security = {row_security} AS $$
BEGIN
  EXECUTE 'EXPLAIN ' || statement;
END
$$;

-- A message on one line, that can be printed: a database in SQL_ASCII takes any bytes for text, and other encodings have
-- characters that UTF-8 has not.
CREATE OR REPLACE FUNCTION pg_temp.fb_one_line(message text) RETURNS text LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  message := regexp_replace(left(message, 1000), '[[:space:]]+', ' ', 'g');
  PERFORM convert_to(message, 'UTF8');
  RETURN message;
EXCEPTION
  WHEN OTHERS THEN
    RETURN '(a message that is not UTF-8)';
END
$$;

-- Whether an error is about the run and not about a row: the server's resources, its end, the connection, that somebody
-- canceled the query, that nothing may be written, or that a trigger may not do what it does. A trigger that raises
-- one of the last three itself means its row.
CREATE OR REPLACE FUNCTION pg_temp.fb_stops_the_script(state text, message text, context text) RETURNS boolean LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $$
  SELECT left(state, 2) IN ('08', '53', '57', '58') AND state <> '57014'
    OR coalesce(split_part(context, chr(10), 1) NOT LIKE '% RAISE%', true) AND (
      left(state, 2) = '25' OR state = '57014'
      OR state = '42501' AND message NOT LIKE '%row-level security%' AND split_part(context, 'SQL statement "EXECUTE fb_statement"', 1) LIKE '%function %')
$$;

-- A slug that COPY would write with a backslash comes as hex:, with its bytes in hexadecimal: so no line of data has
-- anything that psql could take for a command, whatever the server makes it believe.
CREATE OR REPLACE PROCEDURE pg_temp.fb_decode_slugs() LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $$
  UPDATE pg_temp.fb_batch
  SET cohort = CASE WHEN starts_with(cohort, 'hex:') THEN convert_from(decode(substr(cohort, 5), 'hex'), 'UTF8') ELSE cohort END,
      syllabus = CASE WHEN starts_with(syllabus, 'hex:') THEN convert_from(decode(substr(syllabus, 5), 'hex'), 'UTF8') ELSE syllabus END
  WHERE starts_with(cohort, 'hex:') OR starts_with(syllabus, 'hex:')
$$;

-- Of records with the same {same} the first in the batch counts.
CREATE OR REPLACE PROCEDURE pg_temp.fb_set_duplicates_aside() LANGUAGE sql
  SET search_path = pg_catalog, pg_temp SET work_mem = '1GB' AS $$
  INSERT INTO pg_temp.fb_outcome
  SELECT n, 'skipped', 'duplicate'
  FROM (SELECT n, row_number() OVER (PARTITION BY {same} ORDER BY n) AS copy FROM pg_temp.fb_batch) AS b
  WHERE copy > 1
$$;

-- Sets aside the records whose cohort or syllabus has another name here than in the plan: it is a plan of another
-- database, or they were renamed since. What was read and approved are the names; an id means something in one
-- database only.
CREATE OR REPLACE PROCEDURE pg_temp.fb_compare_names(
  cohort_schema text DEFAULT :'schema_of_cohort',
  syllabus_schema text DEFAULT :'schema_of_syllabus'
) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp SET work_mem = '1GB' SET row_security = {row_security}
  SET jit = off SET random_page_cost = 1 AS $fb$
BEGIN
  EXECUTE format($sql$
    INSERT INTO pg_temp.fb_outcome
    SELECT b.n, CASE WHEN p.fault LIKE '23503 %%' THEN 'failed' ELSE 'skipped' END, p.fault
    FROM (
      SELECT d.*, CASE
          WHEN (SELECT c.slug FROM %1$I.admissions_cohort AS c WHERE c.id = d.cohort_id)::text IS DISTINCT FROM d.cohort
          THEN 'other-cohort'
          WHEN {sets} AND NOT EXISTS (SELECT FROM %2$I.admissions_syllabus AS s WHERE s.id = d.syllabus_id)
          THEN format('23503 syllabus %%s does not exist', d.syllabus_id)
          WHEN (SELECT s.slug FROM %2$I.admissions_syllabus AS s WHERE s.id = d.syllabus_id)::text IS DISTINCT FROM d.syllabus
          THEN 'other-syllabus'
        END AS fault
      FROM (SELECT DISTINCT cohort_id, cohort, syllabus_id, syllabus FROM pg_temp.fb_batch) AS d
      OFFSET 0
    ) AS p
    JOIN pg_temp.fb_batch AS b ON b.cohort_id = p.cohort_id AND b.cohort IS NOT DISTINCT FROM p.cohort
      AND b.syllabus_id = p.syllabus_id AND b.syllabus IS NOT DISTINCT FROM p.syllabus
    WHERE p.fault IS NOT NULL AND b.n NOT IN (SELECT n FROM pg_temp.fb_outcome)
  $sql$, cohort_schema, syllabus_schema);
END
$fb$;

-- Makes the batch its receipts, one for each record, in the order of the plan. Where rows of it were changed they are
-- written anew, since COPY prints them as they lie.
CREATE OR REPLACE PROCEDURE pg_temp.fb_make_receipts(records bigint, in_order boolean) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp SET work_mem = '1GB' AS $$
DECLARE
  model text;
BEGIN
  IF (SELECT count(*) FROM pg_temp.fb_batch) <> records THEN
    RAISE 'the batch has changed: it has % records, not %', (SELECT count(*) FROM pg_temp.fb_batch), records
    USING HINT = 'A trigger may have changed the temporary tables of this session. Nothing in this batch was applied.';
  END IF;
  IF current_setting('fb.look_again', true) = 'yes' THEN
    FOR model IN SELECT DISTINCT b.model FROM pg_temp.fb_batch AS b LOOP
      EXECUTE format('CALL pg_temp.fb_look_again_at_%s()', model);
    END LOOP;
  END IF;
  IF in_order AND NOT EXISTS (SELECT FROM pg_temp.fb_outcome) THEN
    RETURN;
  END IF;
  CREATE TEMPORARY TABLE fb_sorted ON COMMIT DROP AS
    SELECT b.n, b.model, b.id, b.cohort_id, b.cohort, b.syllabus_id, b.syllabus, coalesce(o.status, b.status), o.detail
    FROM pg_temp.fb_batch AS b LEFT JOIN pg_temp.fb_outcome AS o ON o.n = b.n
    ORDER BY b.n;
  IF (SELECT count(*) FROM pg_temp.fb_sorted) <> records THEN
    RAISE 'the receipts do not match the records of the batch'
    USING HINT = 'A trigger may have changed the temporary tables of this session. Nothing in this batch was applied.';
  END IF;
  TRUNCATE pg_temp.fb_batch;
  INSERT INTO pg_temp.fb_batch SELECT * FROM pg_temp.fb_sorted;
  DROP TABLE pg_temp.fb_sorted;
END
$$;


-- Everything created here uses pg_catalog's functions and operators, whatever the session's search_path is. Triggers use
-- the session's; so each procedure sets its own.
SET LOCAL search_path = pg_catalog, pg_temp;

-- One batch: the records of the plan, and the outcomes of records that were not simply updated. In the end the outcomes
-- are merged into the batch, and its rows are the receipts.
DROP TABLE IF EXISTS pg_temp.fb_batch, pg_temp.fb_outcome CASCADE;
CREATE TEMPORARY TABLE fb_batch (
  n bigint,  -- the record's place in the plan
  model text, id bigint, cohort_id bigint, cohort text, syllabus_id bigint, syllabus text,
  status text DEFAULT '{done}', detail text
);
CREATE TEMPORARY TABLE fb_outcome (n bigint, status text, detail text);

-- The receipts to be, with the transaction's id. With psql -v in_doubt=FILE they are written there before the COMMIT, so
-- that after a lost connection pg_xact_status can tell, over a new one, whether the batch was committed.
CREATE TEMPORARY VIEW fb_in_doubt AS
  SELECT pg_current_xact_id(), n, status, model, id, cohort_id, cohort, syllabus_id, syllabus, detail FROM pg_temp.fb_batch;

-- The records that are still to be applied, and those that were applied.
CREATE TEMPORARY VIEW fb_pending AS
  SELECT n, model, id, cohort_id, syllabus_id FROM pg_temp.fb_batch
  WHERE n NOT IN (SELECT n FROM pg_temp.fb_outcome);
CREATE TEMPORARY VIEW fb_done AS
  SELECT n, model, id, cohort_id, syllabus_id FROM pg_temp.fb_batch
  WHERE n NOT IN (SELECT n FROM pg_temp.fb_outcome WHERE status <> '{done}');

-- The same for a model and a range of ids, for tables with an index on the id. The planner takes them for one row.
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

-- SQL text: the records of a model and a range of ids, for WITH b AS, and the condition that joins them to rows t. If an
-- index begins with the id, = ANY makes the planner look up each record there, in the order of ids, whatever its
-- statistics say. Otherwise the planner chooses, and MATERIALIZED makes it read the records once, not once per partition.
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

-- Prepares fb_statement from a statement with %records% and %match% in it, and plans it: EXECUTE without parameters keeps
-- this plan. So the planner settings here, which override those of the role or database, do not reach triggers.
-- (PostgreSQL plans again when the search_path differs, so this procedure does not set one.)
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

-- Describes a table, including its partitions and children.
CREATE OR REPLACE FUNCTION pg_temp.fb_describe(target text, id text,
  OUT has_index boolean,     -- an index begins with the id, so rows can be looked up by it
  OUT has_triggers boolean)  -- or rules, or anything else that runs on an UPDATE, except the checks of foreign keys
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
      OR EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND g.tgenabled <> 'D'
        -- not by tgisinternal, which in PostgreSQL 13 and 14 is also true for a trigger that a partition inherits
        AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.oid = g.tgconstraint AND k.contype <> 't')))
  FROM family AS f JOIN pg_class AS c ON c.oid = f.member
$$;

-- Plans a statement under our row_security, to raise the errors that running it would.
CREATE OR REPLACE PROCEDURE pg_temp.fb_check(statement text) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp SET row_security = {row_security} AS $$
BEGIN
  EXECUTE 'EXPLAIN ' || statement;
END
$$;

-- The message on one line, if it can be converted to UTF-8: a database in SQL_ASCII accepts any bytes, and some encodings
-- have characters that UTF-8 does not.
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

-- Whether an error concerns the run and not one row: the server's resources or shutdown, the connection, a canceled
-- query, a read-only transaction, or a privilege that a trigger lacks. If a trigger itself raises one of the last three,
-- it concerns the row. Of the words of a context, only RAISE and PL/pgSQL (or another PL/) do not depend on lc_messages.
CREATE OR REPLACE FUNCTION pg_temp.fb_stops_the_script(state text, message text, context text) RETURNS boolean LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $$
  SELECT left(state, 2) IN ('08', '53', '57', '58') AND state <> '57014'
    OR coalesce(split_part(context, chr(10), 1) NOT LIKE '%RAISE%', true) AND (
      left(state, 2) = '25' OR state = '57014'
      OR state = '42501' AND message NOT LIKE '%row-level security%' AND split_part(context, 'EXECUTE fb_statement', 1) ~ 'PL/|function ')
$$;

-- Slugs that COPY would write with a backslash arrive as hex: and their bytes in hexadecimal, so that no line of data
-- contains anything that psql could take for a command, whatever the server makes it believe.
CREATE OR REPLACE PROCEDURE pg_temp.fb_decode_slugs() LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $$
  UPDATE pg_temp.fb_batch
  SET cohort = CASE WHEN starts_with(cohort, 'hex:') THEN convert_from(decode(substr(cohort, 5), 'hex'), 'UTF8') ELSE cohort END,
      syllabus = CASE WHEN starts_with(syllabus, 'hex:') THEN convert_from(decode(substr(syllabus, 5), 'hex'), 'UTF8') ELSE syllabus END
  WHERE starts_with(cohort, 'hex:') OR starts_with(syllabus, 'hex:')
$$;

-- Skips all but the first record of the batch with the same {same}.
CREATE OR REPLACE PROCEDURE pg_temp.fb_set_duplicates_aside() LANGUAGE sql
  SET search_path = pg_catalog, pg_temp SET work_mem = '1GB' AS $$
  INSERT INTO pg_temp.fb_outcome
  SELECT n, 'skipped', 'duplicate'
  FROM (SELECT n, row_number() OVER (PARTITION BY {same} ORDER BY n) AS copy FROM pg_temp.fb_batch) AS b
  WHERE copy > 1
$$;

-- Skips records whose cohort or syllabus has another name here than in the plan: the plan is for another database, or
-- they were renamed since. It was the names that somebody read and approved, and an id has a meaning only in one
-- database.
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
          WHEN (SELECT c.slug FROM %1$I.admissions_cohort AS c WHERE c.id = d.cohort_id)::text COLLATE "C" IS DISTINCT FROM d.cohort
            OR NOT EXISTS (SELECT FROM %1$I.admissions_cohort AS c WHERE c.id = d.cohort_id)
          THEN 'other-cohort'
          WHEN {sets} AND NOT EXISTS (SELECT FROM %2$I.admissions_syllabus AS s WHERE s.id = d.syllabus_id)
          THEN format('23503 syllabus %%s does not exist', d.syllabus_id)
          WHEN (SELECT s.slug FROM %2$I.admissions_syllabus AS s WHERE s.id = d.syllabus_id)::text COLLATE "C" IS DISTINCT FROM d.syllabus
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

-- Turns the batch into its receipts, one for each record, in the order of the plan. If rows of the batch were changed, they
-- are rewritten, since COPY prints rows in their physical order. (INSERT does not keep that order: it also fills what is
-- left of earlier pages. CLUSTER does.)
CREATE OR REPLACE PROCEDURE pg_temp.fb_make_receipts(records bigint, in_order boolean,
  triggers_path text DEFAULT current_setting('search_path')) LANGUAGE plpgsql
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
      EXECUTE format('CALL pg_temp.fb_look_again_at_%s(triggers_path => %L)', model, triggers_path);
    END LOOP;
  END IF;
  IF in_order AND NOT EXISTS (SELECT FROM pg_temp.fb_outcome) THEN
    RETURN;
  END IF;
  CREATE TEMPORARY TABLE fb_merged ON COMMIT DROP AS
    SELECT b.n, b.model, b.id, b.cohort_id, b.cohort, b.syllabus_id, b.syllabus, coalesce(o.status, b.status), o.detail
    FROM pg_temp.fb_batch AS b LEFT JOIN pg_temp.fb_outcome AS o ON o.n = b.n;
  IF (SELECT count(*) FROM pg_temp.fb_merged) <> records THEN
    RAISE 'the receipts do not match the records of the batch'
    USING HINT = 'A trigger may have changed the temporary tables of this session. Nothing in this batch was applied.';
  END IF;
  TRUNCATE pg_temp.fb_batch;
  INSERT INTO pg_temp.fb_batch SELECT * FROM pg_temp.fb_merged;
  DROP TABLE pg_temp.fb_merged;
  CREATE INDEX fb_order ON pg_temp.fb_batch (n);
  CLUSTER pg_temp.fb_batch USING fb_order;
  DROP INDEX pg_temp.fb_order;
END
$$;

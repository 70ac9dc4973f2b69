
-- What is made here means pg_catalog's functions and operators, whatever the session's search_path is, which triggers
-- go by: so does each procedure, by a setting of its own.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$ BEGIN
  IF current_setting('server_version_num')::integer < 130000 THEN
    RAISE 'PostgreSQL 13 or later is needed; this is %', current_setting('server_version');
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

-- The records that are still to be carried out.
CREATE TEMPORARY VIEW fb_pending AS
  SELECT n, model, id, cohort_id, syllabus_id FROM pg_temp.fb_batch
  WHERE n NOT IN (SELECT n FROM pg_temp.fb_outcome);

-- Whether an error is about the run and not about a row: the server's resources, its end, the connection, or that
-- somebody canceled the query. A trigger that raises the same as a cancellation means its row.
CREATE OR REPLACE FUNCTION pg_temp.fb_stops_the_script(state text, context text) RETURNS boolean LANGUAGE sql
  SET search_path = pg_catalog, pg_temp AS $$
  SELECT left(state, 2) IN ('08', '53', '57', '58') AND NOT (state = '57014' AND split_part(context, chr(10), 1) ~ '\mRAISE\M')
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
  SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO pg_temp.fb_outcome
  SELECT n, 'skipped', 'duplicate'
  FROM (SELECT n, row_number() OVER (PARTITION BY {same} ORDER BY n) AS copy FROM pg_temp.fb_batch) AS b
  WHERE copy > 1
$$;

-- Makes the batch its receipts, one for each record, in the order of the plan. Where rows of it were changed they are
-- written anew, since COPY prints them as they lie.
CREATE OR REPLACE PROCEDURE pg_temp.fb_make_receipts(records bigint, in_order boolean) LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT count(*) FROM pg_temp.fb_batch) <> records THEN
    RAISE 'the batch is not what it was: % records of %', (SELECT count(*) FROM pg_temp.fb_batch), records
    USING HINT = 'A trigger may have changed the temporary tables of this session. Nothing of this batch is done.';
  END IF;
  IF in_order AND NOT EXISTS (SELECT FROM pg_temp.fb_outcome) THEN
    RETURN;
  END IF;
  CREATE TEMPORARY TABLE fb_sorted ON COMMIT DROP AS
    SELECT b.n, b.model, b.id, b.cohort_id, b.cohort, b.syllabus_id, b.syllabus, coalesce(o.status, b.status), o.detail
    FROM pg_temp.fb_batch AS b LEFT JOIN pg_temp.fb_outcome AS o ON o.n = b.n
    ORDER BY b.n;
  IF (SELECT count(*) FROM pg_temp.fb_sorted) <> records THEN
    RAISE 'there is not one receipt for each record of the batch'
    USING HINT = 'A trigger may have changed the temporary tables of this session. Nothing of this batch is done.';
  END IF;
  TRUNCATE pg_temp.fb_batch;
  INSERT INTO pg_temp.fb_batch SELECT * FROM pg_temp.fb_sorted;
  DROP TABLE pg_temp.fb_sorted;
END
$$;

-- What every batch begins with: whatever the role, the database or PGOPTIONS say, no timeout but
-- that for locks ends it, a COMMIT is on disk when it is answered, and what triggers say on the way
-- is not printed, raw as it is; for this transaction alone. And it must be the session that has
-- the temporary tables.
\set begin_batch 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE'
\set begin_batch :begin_batch ' \\; SET LOCAL client_min_messages = error'
\set begin_batch :begin_batch ' \\; SET LOCAL statement_timeout = 0'
\set begin_batch :begin_batch ' \\; SET LOCAL idle_in_transaction_session_timeout = 0'
\set begin_batch :begin_batch ' \\; DO $$BEGIN'
\set begin_batch :begin_batch ' IF to_regclass(''pg_temp.fb_batch'') IS NULL THEN'
\set begin_batch :begin_batch ' RAISE ''not the session that this script began in (by a pooler in transaction mode?)'';'
\set begin_batch :begin_batch ' ELSIF current_setting(''synchronous_commit'') = ''off'' THEN'
\set begin_batch :begin_batch ' SET LOCAL synchronous_commit = local;'
\set begin_batch :begin_batch ' END IF; END$$'
\set begin_batch :begin_batch ' \\; TRUNCATE pg_temp.fb_batch, pg_temp.fb_outcome'

-- And with this it ends. It is sent as one, so that nothing can come between the COMMIT and its
-- receipts, and it is a name, so that a script that was cut off cannot end with a COMMIT alone.
-- However long the receipts take (somebody reads slowly), no timeout may cut them off.
\set commit_and_print_receipts 'COMMIT \\; BEGIN READ ONLY \\; SET LOCAL statement_timeout = 0'
\set commit_and_print_receipts :commit_and_print_receipts ' \\; COPY (SELECT status, model, id, cohort_id, cohort, syllabus_id, syllabus, detail'
\set commit_and_print_receipts :commit_and_print_receipts ' FROM pg_temp.fb_receipts ORDER BY n) TO STDOUT \\; COMMIT'

-- Receipts go to standard output, wherever a psqlrc would have them.
\o

BEGIN READ WRITE \; SET LOCAL statement_timeout = 0 \; SET LOCAL idle_in_transaction_session_timeout = 0
  \; SET LOCAL client_min_messages = error;

DO $$ BEGIN
  IF current_setting('server_version_num')::integer < 130000 THEN
    RAISE 'PostgreSQL 13 or later is needed; this is %', current_setting('server_version');
  END IF;
END $$;

-- One batch: what the plan says, and what became of the records to which something else happened.
DROP TABLE IF EXISTS pg_temp.fb_batch, pg_temp.fb_outcome CASCADE;
CREATE TEMPORARY TABLE fb_batch (
  n bigint,  -- the record's place in the plan
  model text, id bigint, cohort_id bigint, cohort text, syllabus_id bigint, syllabus text
);
CREATE TEMPORARY TABLE fb_outcome (n bigint, status text, detail text);

CREATE TEMPORARY VIEW fb_receipts AS
  SELECT b.n, coalesce(o.status, '{done}') AS status,
         b.model, b.id, b.cohort_id, b.cohort, b.syllabus_id, b.syllabus, o.detail
  FROM pg_temp.fb_batch AS b LEFT JOIN pg_temp.fb_outcome AS o ON o.n = b.n;

-- Of records with the same {same} the first in the batch counts.
CREATE OR REPLACE PROCEDURE pg_temp.fb_set_duplicates_aside() LANGUAGE sql AS $$
  INSERT INTO pg_temp.fb_outcome
  SELECT n, 'skipped', 'duplicate'
  FROM (SELECT n, row_number() OVER (PARTITION BY {same} ORDER BY n) AS copy FROM pg_temp.fb_batch) AS b
  WHERE copy > 1
$$;


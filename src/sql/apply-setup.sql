
-- Nor is the session ended between two batches. (Servers of 13 do not know this timeout.)
DO $fb$ BEGIN
  PERFORM pg_catalog.set_config('idle_session_timeout', '0', false);
EXCEPTION
  WHEN undefined_object THEN NULL;
END $fb$;
SELECT pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL AS knows_transaction_timeout,
  pg_catalog.current_setting('client_min_messages') AS messages \gset

-- What would make the result untrue stops the script here.
DO $fb$ BEGIN
  IF pg_catalog.current_setting('default_transaction_read_only') OPERATOR(pg_catalog.=) 'on' THEN
    RAISE 'this database or role is read-only (default_transaction_read_only)'
    USING HINT = 'A provider may set this when a disk is full. To write anyway: PGOPTIONS=''-c default_transaction_read_only=off''';
  ELSIF pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica' THEN
    RAISE 'foreign keys and triggers are disabled (session_replication_role = replica)'
    USING HINT = 'To enable them: PGOPTIONS=''-c session_replication_role=origin''';
  END IF;
END $fb$;

-- What every batch begins with: whatever the role, the database or PGOPTIONS say, no timeout but
-- that for locks ends it, a COMMIT is on disk when it is answered, and what triggers say on the way
-- is not printed, raw as it is; for this transaction alone. And it must be the session that has
-- the temporary tables.
\set begin_batch 'BEGIN ISOLATION LEVEL READ COMMITTED'
\set begin_batch :begin_batch ' \\; SET LOCAL client_min_messages = error'
\set begin_batch :begin_batch ' \\; SET LOCAL statement_timeout = 0 \\; SET LOCAL lock_timeout = {lock_timeout}'
\set begin_batch :begin_batch ' \\; SET LOCAL idle_in_transaction_session_timeout = 0{row_security_in_batch}'
\if :knows_transaction_timeout
\set begin_batch :begin_batch ' \\; SET LOCAL transaction_timeout = 0'
\endif
\set begin_batch :begin_batch ' \\; DO $$BEGIN'
\set begin_batch :begin_batch ' IF pg_catalog.to_regclass(''pg_temp.fb_batch'') IS NULL THEN'
\set begin_batch :begin_batch ' RAISE ''not the session in which this script began (a pooler in transaction mode?)'';'
\set begin_batch :begin_batch ' ELSIF pg_catalog.current_setting(''synchronous_commit'') OPERATOR(pg_catalog.=) ''off'' THEN'
\set begin_batch :begin_batch ' SET LOCAL synchronous_commit = local;'
\set begin_batch :begin_batch ' END IF; END$$'
\set begin_batch :begin_batch ' \\; TRUNCATE pg_temp.fb_batch, pg_temp.fb_outcome'

-- And with this it ends: its records are its receipts by now. It is sent as one, so that nothing can come between the
-- COMMIT and its receipts, and it is a name, so that a script that was cut off cannot end with a COMMIT alone.
-- However long the receipts take (somebody reads slowly), no timeout may cut them off. What the COMMIT itself has to say
-- (that it may not have been replicated) is said.
\set commit_and_print_receipts 'SET LOCAL client_min_messages = ' :'messages' ' \\; COMMIT \\; BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY \\; SET LOCAL statement_timeout = 0'
\if :knows_transaction_timeout
\set commit_and_print_receipts :commit_and_print_receipts ' \\; SET LOCAL transaction_timeout = 0'
\endif
\set commit_and_print_receipts :commit_and_print_receipts ' \\; COPY pg_temp.fb_batch (status, model, id, cohort_id, cohort, syllabus_id, syllabus, detail)'
\set commit_and_print_receipts :commit_and_print_receipts ' TO STDOUT \\; COMMIT'

-- Receipts go to standard output, wherever a psqlrc would have them.
\o

BEGIN READ WRITE \; SET LOCAL client_min_messages = error
  \; SET LOCAL statement_timeout = 0 \; SET LOCAL idle_in_transaction_session_timeout = 0
  \; SET LOCAL lock_timeout = {lock_timeout};
\if :knows_transaction_timeout
SET LOCAL transaction_timeout = 0;
\endif


-- The session must not end between two batches either. (PostgreSQL 13 does not have this timeout.)
DO $fb$ BEGIN
  PERFORM pg_catalog.set_config('idle_session_timeout', '0', false);
EXCEPTION
  WHEN undefined_object THEN NULL;
END $fb$;
SELECT pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL AS knows_transaction_timeout,
  pg_catalog.current_setting('client_min_messages') AS messages \gset

-- Begins a batch. For this transaction, whatever the role, the database or PGOPTIONS set: no timeout
-- except lock_timeout applies, a COMMIT is on disk before it returns, and messages of triggers are not
-- printed, since they are not escaped. Also checks that this is the session with the temporary tables.
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

-- Ends a batch: its records have become its receipts. psql sends all of this at once, so that nothing can come between
-- the COMMIT and its receipts; and it is one variable, so that a truncated script cannot end with a COMMIT alone.
-- No timeout cuts off the receipts, even if they are read slowly. Messages of the COMMIT itself (that it may not have
-- been replicated) are printed.
\set commit_and_print_receipts 'SET LOCAL client_min_messages = ' :'messages' ' \\; COMMIT \\; BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY \\; SET LOCAL statement_timeout = 0'
\if :knows_transaction_timeout
\set commit_and_print_receipts :commit_and_print_receipts ' \\; SET LOCAL transaction_timeout = 0'
\endif
\set commit_and_print_receipts :commit_and_print_receipts ' \\; COPY pg_temp.fb_batch (status, model, id, cohort_id, cohort, syllabus_id, syllabus, detail)'
\set commit_and_print_receipts :commit_and_print_receipts ' TO STDOUT \\; COMMIT'

-- Receipts go to standard output, whatever a psqlrc says.
\o

-- Temporary tables end with the session, so no replica has to confirm this transaction.
BEGIN READ WRITE \; SET LOCAL client_min_messages = error
  \; SET LOCAL statement_timeout = 0 \; SET LOCAL idle_in_transaction_session_timeout = 0
  \; SET LOCAL lock_timeout = {lock_timeout} \; SET LOCAL synchronous_commit = off;
\if :knows_transaction_timeout
SET LOCAL transaction_timeout = 0;
\endif

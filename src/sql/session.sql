-- psql: stop at the first error (otherwise, if a COPY fails to start, its data lines are run as
-- SQL), and let nothing but our own output reach standard output.
\set ON_ERROR_STOP on
\set QUIET on
\set ECHO none
\set ECHO_HIDDEN off
\set SINGLELINE off
\set SINGLESTEP off
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK off
\timing off
\encoding UTF8
{begin}
-- The server must be new enough. In the current transaction, no timeout set for the role or the database applies, and row_security is {row_security}
-- (off: hidden rows are an error). The application_name makes sessions easy to find.
DO $fb$ BEGIN
  IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.<) 130000 THEN
    RAISE 'PostgreSQL 13 or later is required; this is %', pg_catalog.current_setting('server_version');
  END IF;
  PERFORM pg_catalog.set_config(s.name, '0', true) FROM pg_catalog.pg_settings AS s
  WHERE s.name OPERATOR(pg_catalog.=) ANY ('{statement_timeout, idle_in_transaction_session_timeout, transaction_timeout}');
  PERFORM pg_catalog.set_config('row_security', '{row_security}', true);
  IF pg_catalog.current_setting('application_name') OPERATOR(pg_catalog.=) 'psql' THEN
    PERFORM pg_catalog.set_config('application_name', 'fb-backfill', false);
  END IF;
END $fb$;

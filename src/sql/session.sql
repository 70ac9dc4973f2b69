-- psql: stop at the first error (else the data lines of a COPY that failed to start would be
-- run as SQL), and let nothing but our own output reach standard output.
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



-- All is read in one snapshot. A script that has begun a transaction itself, and includes this one, sets in_transaction.
\if :{?in_transaction}
\else
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
  \; SET LOCAL statement_timeout = 0 \; SET LOCAL idle_in_transaction_session_timeout = 0;
\endif
